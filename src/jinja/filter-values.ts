/** Shared by several filters: attribute lookup, ordering, and lazy iteration. */
import { getItem } from "./attributes.js";
import { lessThan } from "./compare.js";
import { typeError } from "./errors.js";
import { asInt } from "./numbers.js";
import type { Limits } from "./limits.js";
import { Markup, PyGenerator, Undefined, typeName, type Value } from "./values.js";

export type Getter = (item: Value) => Value;

/** "a.0.b": names, and numbers as integers. */
function pathOf(attribute: Value): readonly Value[] {
  if (attribute === null) return [];
  if (typeof attribute === "string")
    return attribute.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  if (asInt(attribute) !== null) return [attribute];
  throw typeError(`an attribute must be a name, not ${typeName(attribute)}`);
}

/** Jinja's `make_attrgetter`. */
export function attributeGetter(limits: Limits, attribute: Value, fallback: Value = null): Getter {
  const path = pathOf(attribute);
  return (item) => {
    let value = item;
    for (const part of path) {
      value = getItem(limits, value, part);
      if (fallback !== null && value instanceof Undefined) value = fallback;
    }
    return value;
  };
}

/** Texts compare case-insensitively by default. */
export function ignoringCase(value: Value): Value {
  return typeof value === "string" ? value.toLowerCase() : value instanceof Markup ? value.text.toLowerCase() : value;
}

export const caseOf = (getter: Getter, caseSensitive: boolean): Getter =>
  caseSensitive ? getter : (item) => ignoringCase(getter(item));

/** `sorted(items, key=…, reverse=…)`: stable, in both directions. */
export function sorted(items: Iterable<Value>, key: Getter, reverse: boolean): Value[] {
  const keyed = Array.from(items, (item) => ({ item, key: key(item) }));
  if (reverse) keyed.reverse();
  keyed.sort((a, b) => (lessThan(a.key, b.key) ? -1 : lessThan(b.key, a.key) ? 1 : 0));
  if (reverse) keyed.reverse();
  return keyed.map(({ item }) => item);
}

/** Like Python's generator functions: nothing is evaluated before iteration. */
export const lazily = (items: () => Generator<Value>): PyGenerator => new PyGenerator(items());
