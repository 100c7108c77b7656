/** Python's `hash` and `==` of a dict's keys: values that are equal as keys have the same hash key here. */
import { typeError } from "./errors.js";
import { checkTextLength } from "./limits.js";
import { Markup, PyFloat, PyTuple, Undefined, typeName, type Value } from "./values.js";

/** Strings and numbers are their own; a key that is neither becomes a string which no str has, or an object. */
export type HashKey = string | number | bigint | null | object;

const reserved = "\u0000";
const undefinedKey = {};
const unhashable = new Set(["dict", "dict_keys", "dict_items"]);

export function hashKey(value: Value): HashKey {
  if (typeof value === "string") return value.charCodeAt(0) === 0 ? `${reserved}s${value}` : value;
  if (typeof value === "number" || typeof value === "bigint" || value === null) return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof PyFloat) return floatKey(value);
  if (value instanceof PyTuple) return tupleKey(value);
  if (value instanceof Markup) return hashKey(value.text);
  if (value instanceof Undefined) return undefinedKey;
  const type = typeName(value);
  if (Array.isArray(value) || unhashable.has(type)) throw typeError(`unhashable type: '${type}'`);
  return value;
}

function floatKey(float: PyFloat): HashKey {
  const { value } = float;
  if (Number.isNaN(value)) return float;
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  return BigInt(value);
}

const objectNumbers = new WeakMap<object, number>();
let objects = 0;

function tupleKey(tuple: PyTuple): string {
  let key = `${reserved}t`;
  for (const item of tuple.items) {
    key += itemKey(item);
    checkTextLength(key.length);
  }
  return key;
}

/** One item of a tuple: its kind and its length go first, so that no two tuples are spelt alike. */
function itemKey(item: Value): string {
  const key = hashKey(item);
  if (typeof key === "object" && key !== null) {
    let number = objectNumbers.get(key);
    if (number === undefined) objectNumbers.set(key, (number = ++objects));
    return `o${number};`;
  }
  const text = String(key);
  return `${typeof key === "string" ? "s" : "n"}${text.length}:${text}`;
}
