/**
 * Reads JSON like Python's `json.loads`, into plain JavaScript objects and lists: a float is a `PyFloat`, an integer
 * beyond 2^53 a bigint, and keys keep their order.
 *
 * JavaScript sorts keys that look like indices ("10" after "2"). They are stored with a prefix, which
 * `toTemplateValue` removes; `jsonKey` returns the original key.
 */
import { PyDict } from "./dict.js";
import { normalInt } from "./numbers.js";
import { PyFloat, PyObject, type Value } from "./values.js";

const mark = "\u0000";
const indexLike = /^(?:0|[1-9]\d*)$/;

const markedKey = (key: string): string => (indexLike.test(key) || key.startsWith(mark) ? mark + key : key);

/** An object as `parseJson` makes it: with these keys, in this order. */
export const jsonObject = (entries: readonly (readonly [key: string, value: unknown])[]): Record<string, unknown> =>
  Object.fromEntries(entries.map(([key, value]) => [markedKey(key), value]));

/** The original key of an object from `parseJson`. */
export const jsonKey = (key: string): string => (key.charCodeAt(0) === 0 ? key.slice(1) : key);

/**
 * What JSON.parse would not keep: floats, long whole numbers, keys like indices. A text in a string may look so too.
 */
const inexact = /(?:^|[[,:])\s*-?(?:\d+[.eE]|\d{16})|-0|"(?:0|[1-9]\d*)"\s*:|\\u00[03]/;

const space = /[ \t\n\r]*/y;
const string = /"(?:[^"\\]|\\.)*"/y;
const number = /-?\d+(\.\d+)?([eE][-+]?\d+)?/y;
const literal = /true|false|null/y;

/** Reads a text that is known to be JSON. */
class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  /** Skips white space; whether the next character is this one, which is skipped too. */
  #skip(character: string): boolean {
    this.#take(space);
    const found = this.#text.startsWith(character, this.#at);
    if (found) this.#at++;
    return found;
  }

  value(): unknown {
    if (this.#skip("{")) return this.#object();
    if (this.#skip("[")) return this.#list();
    if (this.#text.startsWith('"', this.#at)) return this.#string();
    const word = this.#take(literal);
    if (word !== null) return JSON.parse(word[0]) as boolean | null;
    const match = this.#take(number);
    if (match === null) throw new SyntaxError(`Unexpected character at position ${this.#at}`);
    const isFloat = match[1] !== undefined || match[2] !== undefined;
    return isFloat ? new PyFloat(Number(match[0])) : normalInt(BigInt(match[0]));
  }

  #string(): string {
    const [quoted = '""'] = this.#take(string) ?? [];
    return quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  }

  #object(): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    if (this.#skip("}")) return {};
    do {
      this.#take(space);
      const key = this.#string();
      this.#skip(":");
      entries.push([key, this.value()]);
    } while (this.#skip(","));
    this.#skip("}");
    return jsonObject(entries);
  }

  #list(): unknown[] {
    const items: unknown[] = [];
    if (this.#skip("]")) return items;
    do items.push(this.value());
    while (this.#skip(","));
    this.#skip("]");
    return items;
  }
}

/** @throws SyntaxError if it is not JSON */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return inexact.test(text) ? new JsonReader(text).value() : value;
}

/** A number that `parseJson` kept as Python has it, as JavaScript's; anything else as it is. */
export function plainNumber(value: unknown): unknown {
  if (value instanceof PyFloat) return value.value;
  return typeof value === "bigint" ? Number(value) : value;
}

/** JSON's values, from `parseJson` or made in code, as a template sees them. */
export function toTemplateValue(value: unknown): Value {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "bigint":
      return normalInt(value);
    case "number":
      return Number.isSafeInteger(value) ? value + 0 : new PyFloat(value);
    case "object":
      if (value === null || value instanceof PyObject) return value;
      if (Array.isArray(value)) return value.map(toTemplateValue);
      return objectValue(value);
    case "undefined":
    case "function":
    case "symbol":
      throw new TypeError(`${typeof value} is no JSON value`);
  }
}

/** An undefined member counts as absent. */
function objectValue(object: object): PyDict {
  const dict = new PyDict();
  const members = object as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(members)) {
    const value = members[key];
    if (value !== undefined) dict.set(jsonKey(key), toTemplateValue(value));
  }
  return dict;
}
