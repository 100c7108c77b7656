/** Python's `str()` and `repr()`. */
import { floatText } from "./decimal.js";
import { UnsupportedError, valueError } from "./errors.js";
import { isPrintable } from "./unicode.js";
import { DictView, PyDict } from "./dict.js";
import { Markup, Namespace, PyFloat, PyRange, PyTuple, Undefined, typeName, type Int, type Value } from "./values.js";

/** Python refuses to spell longer whole numbers. */
const maxDigits = 4300;

export function intText(value: Int): string {
  const text = String(value);
  if (text.length - (text.startsWith("-") ? 1 : 0) > maxDigits) {
    throw valueError(`Exceeds the limit (${maxDigits} digits) for integer string conversion`);
  }
  return text;
}

/** `str(value)`: what a template prints. */
export function str(value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Undefined) return "";
  return value instanceof Markup ? value.text : repr(value);
}

const quoted = /[\\'\n\r\t]|[^ -~]/u;
const escapes: ReadonlyMap<string, string> = new Map([
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function escapeCharacter(character: string, quote: string): string {
  if (character === quote) return `\\${quote}`;
  const escaped = escapes.get(character);
  if (escaped !== undefined) return escaped;
  if (isPrintable(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

export function strRepr(text: string): string {
  if (!quoted.test(text)) return `'${text}'`;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let escaped = "";
  for (const character of text) escaped += escapeCharacter(character, quote);
  return quote + escaped + quote;
}

const list = (items: Iterable<Value>): string => Array.from(items, repr).join(", ");

function dictRepr(dict: PyDict): string {
  return `{${Array.from(dict.entries(), ([key, value]) => `${repr(key)}: ${repr(value)}`).join(", ")}}`;
}

/** `repr(value)`. */
export function repr(value: Value): string {
  if (typeof value === "string") return strRepr(value);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || typeof value === "bigint") return intText(value);
  if (Array.isArray(value)) return `[${list(value)}]`;
  if (value instanceof PyFloat) return floatText(value.value);
  if (value instanceof PyTuple) return value.items.length === 1 ? `(${list(value.items)},)` : `(${list(value.items)})`;
  if (value instanceof PyDict) return dictRepr(value);
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Markup) return `Markup(${strRepr(value.text)})`;
  if (value instanceof DictView) return `${value.typeName}([${list(value)}])`;
  if (value instanceof Namespace) return `<Namespace ${dictRepr(PyDict.of(value.attributes))}>`;
  if (value instanceof PyRange) {
    const { start, stop, step } = value;
    return step === 1 ? `range(${start}, ${stop})` : `range(${start}, ${stop}, ${step})`;
  }
  const own = value.repr();
  if (own !== null) return own;
  throw new UnsupportedError(`printing a ${typeName(value)} (Python prints its address in memory)`);
}
