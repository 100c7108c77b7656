/** Python's `str()` and `repr()`. */
import { lessThan } from "./compare.js";
import { floatText } from "./decimal.js";
import { UnsupportedError, isError, valueError } from "./errors.js";
import { BoundedText } from "./limits.js";
import { codePointLength, isPrintable } from "./unicode.js";
import { DictView, PyDict } from "./dict.js";
import { Markup, Namespace, PyFloat, PyRange, PyTuple, Undefined, typeName, type Int, type Value } from "./values.js";

/** Python refuses to print longer integers. */
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

class Writer extends BoundedText {
  /** The order of a dict's items. */
  protected entries(dict: PyDict): Iterable<[Value, Value]> {
    return dict.entries();
  }

  items(open: string, items: Iterable<Value>, close: string): void {
    this.add(open);
    let separator = "";
    for (const item of items) {
      this.add(separator);
      this.value(item);
      separator = ", ";
    }
    this.add(close);
  }

  dict(dict: PyDict): void {
    let separator = "{";
    for (const [key, value] of this.entries(dict)) {
      this.add(separator);
      this.value(key);
      this.add(": ");
      this.value(value);
      separator = ", ";
    }
    this.add(dict.size === 0 ? "{}" : "}");
  }

  value(value: Value): void {
    if (Array.isArray(value)) this.items("[", value, "]");
    else if (value instanceof PyTuple) this.items("(", value.items, value.items.length === 1 ? ",)" : ")");
    else if (value instanceof PyDict) this.dict(value);
    else if (value instanceof DictView) this.items(`${value.typeName}([`, value, "])");
    else if (value instanceof Namespace) {
      this.add("<Namespace ");
      this.dict(PyDict.of(value.attributes));
      this.add(">");
    } else this.add(simpleRepr(value));
  }
}

/** `repr(value)`. */
export function repr(value: Value): string {
  const writer = new Writer();
  writer.value(value);
  return writer.text;
}

/** `pprint`'s order: keys that can't be compared are ordered by the names of their types. */
function keyBefore(a: Value, b: Value): boolean {
  try {
    return lessThan(a, b);
  } catch (error) {
    if (!isError(error, "TypeError")) throw error;
    const [one, other] = [typeName(a), typeName(b)];
    if (one === other) throw new UnsupportedError(`the filter 'pprint' of several keys of the type ${one}`);
    return one < other;
  }
}

class SortedWriter extends Writer {
  protected override entries(dict: PyDict): Iterable<[Value, Value]> {
    return [...dict.entries()].sort(([a], [b]) => (keyBefore(a, b) ? -1 : 1));
  }
}

/** `pprint.pformat(value)` of a value that fits on one line: dicts are sorted by their keys. */
export function prettyText(value: Value): string {
  const writer = new SortedWriter();
  writer.value(value);
  if (codePointLength(writer.text) > 80) throw new UnsupportedError("the filter 'pprint' of a value beyond one line");
  return writer.text;
}

/** `repr` of a value without nested values. */
function simpleRepr(value: Value): string {
  if (typeof value === "string") return strRepr(value);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || typeof value === "bigint") return intText(value);
  if (Array.isArray(value)) return repr(value);
  if (value instanceof PyFloat) return floatText(value.value);
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Markup) return `Markup(${strRepr(value.text)})`;
  if (value instanceof PyRange) {
    const { start, stop, step } = value;
    return step === 1 ? `range(${start}, ${stop})` : `range(${start}, ${stop}, ${step})`;
  }
  const own = value.repr();
  if (own !== null) return own;
  throw new UnsupportedError(`printing a ${typeName(value)} (Python prints its address in memory)`);
}
