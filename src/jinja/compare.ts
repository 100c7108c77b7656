/** Python's `==`, `<` and `in`, and truth. */
import { LimitError, PythonError, UnsupportedError, typeError } from "./errors.js";
import { iterate } from "./iterate.js";
import { asInt } from "./numbers.js";
import { DictView, PyDict } from "./dict.js";
import { Markup, PyFloat, PyRange, PyTuple, Undefined, typeName, type Value } from "./values.js";

/** A number as JavaScript compares it exactly: numbers and bigints mix. */
function numeric(value: Value): number | bigint | null {
  return value instanceof PyFloat ? value.value : asInt(value);
}

const textOf = (value: Value): string | null =>
  typeof value === "string" ? value : value instanceof Markup ? value.text : null;

/** Maximum number of items of one comparison: nested lists can have an astronomical number. */
const maxCompared = 1 << 23;

interface Compared {
  items: number;
}

function sameItems(a: readonly Value[], b: readonly Value[], compared: Compared): boolean {
  return a.length === b.length && a.every((item, index) => same(item, b[index] ?? null, compared));
}

/** Containers search a value with `a is b or a == b`. */
function same(a: Value, b: Value, compared: Compared): boolean {
  if (++compared.items > maxCompared) throw new LimitError(`a comparison takes more than ${maxCompared} steps`);
  return a === b || equals(a, b, compared);
}

function equalDicts(a: PyDict, b: PyDict, compared: Compared): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a.entries()) {
    const other = b.get(key);
    if (other === undefined || !same(value, other, compared)) return false;
  }
  return true;
}

/** `a == b`. */
export function equals(a: Value, b: Value, compared: Compared = { items: 0 }): boolean {
  if (typeof a === "string" && typeof b === "string") return a === b;
  if (a === null || b === null) return a === b;
  const [x, y] = [numeric(a), numeric(b)];
  // Not ===: a bigint and a number may be equal.
  if (x !== null || y !== null) return x !== null && y !== null && x == y;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameItems(a, b, compared);
  if (a instanceof PyTuple && b instanceof PyTuple) return sameItems(a.items, b.items, compared);
  if (a instanceof PyDict && b instanceof PyDict) return equalDicts(a, b, compared);
  if (a instanceof Undefined && b instanceof Undefined) return true;
  if (a instanceof PyRange && b instanceof PyRange) return equalRanges(a, b);
  const text = textOf(a);
  if (text !== null) return text === textOf(b);
  if (a instanceof DictView && b instanceof DictView && a.kind !== "values" && b.kind !== "values") {
    return a.dict.size === b.dict.size && [...a].every((item) => contains(b, item));
  }
  return a === b;
}

function equalRanges(a: PyRange, b: PyRange): boolean {
  if (a.count !== b.count) return false;
  return a.count === 0 || (a.start === b.start && (a.count === 1 || a.step === b.step));
}

/** Code points, not UTF-16 units: a surrogate is above every other unit but below U+E000 to U+FFFF. */
function textLess(a: string, b: string): boolean {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x === y) continue;
    const [xHigh, yHigh] = [x >= 0xd800 && x <= 0xdfff, y >= 0xd800 && y <= 0xdfff];
    return xHigh === yHigh ? x < y : yHigh;
  }
  return a.length < b.length;
}

export type Ordering = "<" | "<=" | ">" | ">=";

function compareItems(a: readonly Value[], b: readonly Value[], operator: Ordering): boolean {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a[at] ?? null, b[at] ?? null];
    if (!same(x, y, { items: 0 })) return order(x, y, operator);
  }
  return byOrdering(operator, a.length, b.length);
}

function byOrdering(operator: Ordering, a: number | bigint, b: number | bigint): boolean {
  switch (operator) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}

/** `a < b` and the other orderings. */
export function order(a: Value, b: Value, operator: Ordering): boolean {
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== null && y !== null) return byOrdering(operator, x, y);
  for (const value of [a, b]) if (value instanceof Undefined) throw new PythonError(value.error, value.message);
  const [left, right] = [textOf(a), textOf(b)];
  if (left !== null && right !== null) {
    if (operator === "<" || operator === ">=") return textLess(left, right) === (operator === "<");
    return textLess(right, left) === (operator === ">");
  }
  if (Array.isArray(a) && Array.isArray(b)) return compareItems(a, b, operator);
  if (a instanceof PyTuple && b instanceof PyTuple) return compareItems(a.items, b.items, operator);
  if (a instanceof DictView && b instanceof DictView)
    throw new UnsupportedError("comparing the views of dicts as sets");
  throw typeError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

export const lessThan = (a: Value, b: Value): boolean => order(a, b, "<");

/** `item in container`. */
export function contains(container: Value, item: Value): boolean {
  const text = textOf(container);
  if (text !== null) {
    const part = textOf(item);
    if (part === null) throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return text.includes(part);
  }
  if (Array.isArray(container)) return container.some((other) => same(other, item, { items: 0 }));
  if (container instanceof PyDict) return container.has(item);
  if (container instanceof DictView && container.kind === "keys") return container.dict.has(item);
  if (container instanceof DictView && container.kind === "items") return containsItem(container.dict, item);
  if (container === null || typeof container !== "object") {
    throw typeError(`argument of type '${typeName(container)}' is not iterable`);
  }
  for (const other of iterate(container, "argument of type")) if (same(other, item, { items: 0 })) return true;
  return false;
}

function containsItem(dict: PyDict, item: Value): boolean {
  if (!(item instanceof PyTuple) || item.items.length !== 2) return false;
  const [key = null, value = null] = item.items;
  const found = dict.get(key);
  return found !== undefined && same(found, value, { items: 0 });
}

/** `bool(value)`. */
export function truthy(value: Value): boolean {
  if (typeof value !== "object") return Boolean(value);
  if (value === null || value instanceof Undefined) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof PyDict) return value.size > 0;
  if (value instanceof PyFloat) return value.value !== 0;
  if (value instanceof PyTuple) return value.items.length > 0;
  if (value instanceof Markup) return value.text !== "";
  if (value instanceof PyRange) return value.count > 0;
  return value instanceof DictView ? value.dict.size > 0 : true;
}
