/** Python's `json.dumps`, with the options that transformers' filter `tojson` passes on. */
import { lessThan } from "./compare.js";
import { floatText } from "./decimal.js";
import { typeError, valueError } from "./errors.js";
import { asInt } from "./numbers.js";
import { intText } from "./text.js";
import { PyDict } from "./dict.js";
import { Markup, PyFloat, PyTuple, typeName, type Value } from "./values.js";

export interface JsonOptions {
  readonly ascii: boolean;
  /** What one level is indented by; null: everything on one line. */
  readonly indent: string | null;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

const special = /["\\\0-\x1f]/g;
/** With `ensure_ascii` a DEL is escaped too. */
const nonAscii = /[^\0-\x7e]/g;
const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};

const unitEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

function quote(text: string, ascii: boolean): string {
  const escaped = text.replace(special, (character) => short[character] ?? unitEscape(character));
  return `"${ascii ? escaped.replace(nonAscii, unitEscape) : escaped}"`;
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return floatText(value);
}

/** null, true, a number: what is the same as a value and, in quotes, as a key. */
function scalar(value: Value): string | null {
  if (value === null) return "null";
  if (typeof value === "boolean") return value ? "true" : "false";
  if (value instanceof PyFloat) return jsonFloat(value.value);
  const int = asInt(value);
  return int === null ? null : intText(int);
}

function keyText(key: Value): string {
  if (typeof key === "string") return key;
  if (key instanceof Markup) return key.text;
  const text = scalar(key);
  if (text === null) throw typeError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
  return text;
}

const byKey = ([a]: readonly [Value, Value], [b]: readonly [Value, Value]): number =>
  lessThan(a, b) ? -1 : lessThan(b, a) ? 1 : 0;

export function jsonText(value: Value, options: JsonOptions, level = 0): string {
  if (typeof value === "string") return quote(value, options.ascii);
  const simple = scalar(value);
  if (simple !== null) return simple;
  if (value instanceof Markup) return quote(value.text, options.ascii);
  const items = Array.isArray(value) ? value : value instanceof PyTuple ? value.items : null;
  if (items !== null) {
    return bracket(
      "[",
      items.map((item) => jsonText(item, options, level + 1)),
      "]",
      options,
      level,
    );
  }
  if (!(value instanceof PyDict)) throw typeError(`Object of type ${typeName(value)} is not JSON serializable`);
  const entries = [...value.entries()];
  if (options.sortKeys) entries.sort(byKey);
  const members = entries.map(
    ([key, item]) => quote(keyText(key), options.ascii) + options.keySeparator + jsonText(item, options, level + 1),
  );
  return bracket("{", members, "}", options, level);
}

function bracket(open: string, parts: readonly string[], close: string, options: JsonOptions, level: number): string {
  if (parts.length === 0) return open + close;
  const { indent, itemSeparator } = options;
  if (indent === null) return open + parts.join(itemSeparator) + close;
  const line = `\n${indent.repeat(level + 1)}`;
  return `${open}${line}${parts.join(itemSeparator + line)}\n${indent.repeat(level)}${close}`;
}

/** `separators=(item, key)`. */
export function separatorsOf(value: Value, indented: boolean): readonly [item: string, key: string] {
  if (value === null) return indented ? [",", ": "] : [", ", ": "];
  const parts = Array.isArray(value) ? value : value instanceof PyTuple ? value.items : [];
  const [item, key] = parts;
  if (parts.length !== 2 || typeof item !== "string" || typeof key !== "string") {
    throw valueError("tojson: separators must be a pair of texts");
  }
  return [item, key];
}
