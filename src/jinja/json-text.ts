/** Python's `json.dumps`, with the options that transformers' filter `tojson` passes on. */
import { lessThan } from "./compare.js";
import { floatText } from "./decimal.js";
import { typeError, valueError } from "./errors.js";
import { BoundedText } from "./limits.js";
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

const special = /["\\]|\p{Cc}/gu;
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
  const escaped = text.replace(
    special,
    (character) => short[character] ?? (character < " " ? unitEscape(character) : character),
  );
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

class Writer extends BoundedText {
  readonly #options: JsonOptions;

  constructor(options: JsonOptions) {
    super();
    this.#options = options;
  }

  value(value: Value, level: number): void {
    const { ascii } = this.#options;
    const items = Array.isArray(value) ? value : value instanceof PyTuple ? value.items : null;
    if (typeof value === "string") this.add(quote(value, ascii));
    else if (items !== null) this.#items(items, level);
    else if (value instanceof PyDict) this.#members(value, level);
    else if (value instanceof Markup) this.add(quote(value.text, ascii));
    else {
      const text = scalar(value);
      if (text === null) throw typeError(`Object of type ${typeName(value)} is not JSON serializable`);
      this.add(text);
    }
  }

  #line(level: number): string {
    const { indent } = this.#options;
    return indent === null ? "" : `\n${indent.repeat(level)}`;
  }

  #items(items: readonly Value[], level: number): void {
    if (items.length === 0) return this.add("[]");
    let before = "[";
    for (const item of items) {
      this.add(before + this.#line(level + 1));
      this.value(item, level + 1);
      before = this.#options.itemSeparator;
    }
    this.add(`${this.#line(level)}]`);
  }

  #members(dict: PyDict, level: number): void {
    if (dict.size === 0) return this.add("{}");
    const { ascii, itemSeparator, keySeparator, sortKeys } = this.#options;
    const entries = sortKeys ? [...dict.entries()].sort(byKey) : dict.entries();
    let before = "{";
    for (const [key, value] of entries) {
      this.add(before + this.#line(level + 1) + quote(keyText(key), ascii) + keySeparator);
      this.value(value, level + 1);
      before = itemSeparator;
    }
    this.add(`${this.#line(level)}}`);
  }
}

export function jsonText(value: Value, options: JsonOptions): string {
  const writer = new Writer(options);
  writer.value(value, 0);
  return writer.text;
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
