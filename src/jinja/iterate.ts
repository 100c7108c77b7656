/** Python's `iter`, `len`, `reversed` and `list`. */
import { typeError } from "./errors.js";
import { codePointLength } from "./unicode.js";
import { DictView, PyDict } from "./dict.js";
import { Markup, PyCallable, PyRange, PyTuple, Undefined, typeName, type Value } from "./values.js";

function* rangeItems(range: PyRange): Generator<Value> {
  for (let index = 0; index < range.count; index++) yield range.at(index);
}

/** What JavaScript can iterate over, or null if Python's `iter` raises. */
function iterableOf(value: Value): Iterable<Value> | null {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return value;
  if (value instanceof PyDict) return value.keys();
  if (value instanceof PyTuple) return value.items;
  if (value instanceof DictView) return value;
  if (value instanceof PyRange) return rangeItems(value);
  if (value instanceof Undefined) return [];
  if (value instanceof Markup) return value.text;
  if (value === null || typeof value !== "object") return null;
  const iterator = value.iterator();
  return iterator === null ? null : { [Symbol.iterator]: () => keepOpen(iterator) };
}

/** Leaving a loop early does not end a Python generator: the next loop goes on with it. */
const keepOpen = (iterator: Iterator<Value>): Iterator<Value> => ({ next: () => iterator.next() });

export const isIterable = (value: Value): boolean => iterableOf(value) !== null;

/** `iter(value)`. */
export function iterate(value: Value, subject = ""): Iterable<Value> {
  const iterable = iterableOf(value);
  if (iterable !== null) return iterable;
  const name = `'${typeName(value)}'`;
  throw typeError(subject === "" ? `${name} object is not iterable` : `${subject} ${name} is not iterable`);
}

/** `list(value)`; do not change what it returns where `value` is a list. */
export function itemsOf(value: Value): readonly Value[] {
  if (Array.isArray(value)) return value;
  return value instanceof PyTuple ? value.items : Array.from(iterate(value));
}

/** `len(value)`, or null if it raises. */
export function lengthOrNull(value: Value): number | null {
  if (typeof value === "string") return codePointLength(value);
  if (Array.isArray(value)) return value.length;
  if (value instanceof PyDict) return value.size;
  if (value instanceof PyTuple) return value.items.length;
  if (value instanceof DictView) return value.dict.size;
  if (value instanceof PyRange) return value.count;
  if (value instanceof Undefined) return 0;
  if (value instanceof Markup) return codePointLength(value.text);
  return value !== null && typeof value === "object" ? value.length() : null;
}

export function lengthOf(value: Value): number {
  const length = lengthOrNull(value);
  if (length === null) throw typeError(`object of type '${typeName(value)}' has no len()`);
  return length;
}

/** `reversed(value)` as an array. */
export function reversedItems(value: Value): Value[] {
  if (lengthOrNull(value) === null || value instanceof PyCallable) {
    throw typeError(`'${typeName(value)}' object is not reversible`);
  }
  return itemsOf(value).toReversed();
}
