/** Jinja's filters on lists, dicts and other iterables. */
import { intArgument } from "./arguments.js";
import { builtin, positional, type Parameter, type Run } from "./builtin.js";
import { equals, lessThan, truthy } from "./compare.js";
import { typeError, valueError } from "./errors.js";
import { attributeGetter, caseOf, lazily, sorted, type Getter } from "./filter-values.js";
import { hashKey, type HashKey } from "./hash.js";
import { iterate, lengthOf, lengthOrNull, reversedItems } from "./iterate.js";
import type { Limits } from "./limits.js";
import { add, otherBinary } from "./operators.js";
import { codePoints } from "./unicode.js";
import { join } from "./str-methods.js";
import { str } from "./text.js";
import { PyDict } from "./dict.js";
import { Markup, PyCallable, PyGenerator, PyTuple, Undefined, typeName, type Value } from "./values.js";

const empty = (which: string): Undefined => new Undefined(() => `No ${which} item, sequence was empty.`);

/** Every item costs a step. */
function* counted(limits: Limits, value: Value): Generator<Value> {
  for (const item of iterate(value)) {
    limits.step();
    yield item;
  }
}

function first(value: Value): Value {
  for (const item of iterate(value)) return item;
  return empty("first");
}

function last(value: Value): Value {
  if (Array.isArray(value)) return value.at(-1) ?? (value.length > 0 ? null : empty("last"));
  const [item = empty("last")] = reversedItems(value);
  return item;
}

function reverse(value: Value): Value {
  if (typeof value === "string") return codePoints(value).reverse().join("");
  if (value instanceof Markup) return new Markup(codePoints(value.text).reverse().join(""));
  const reversible = lengthOrNull(value) !== null && !(value instanceof PyCallable);
  return reversible ? new PyGenerator(reversedItems(value)[Symbol.iterator]()) : Array.from(iterate(value)).reverse();
}

function joinItems(limits: Limits, value: Value, separator: Value, attribute: Value): string {
  const getter: Getter = attribute === null ? (item) => item : attributeGetter(limits, attribute);
  return join(
    limits,
    str(separator),
    Array.from(counted(limits, value), (item) => str(getter(item))),
  );
}

function sort(limits: Limits, value: Value, reversed: Value, caseSensitive: Value, attribute: Value): Value {
  const parts = typeof attribute === "string" ? attribute.split(",") : [attribute];
  const getters = parts.map((part) => caseOf(attributeGetter(limits, part), truthy(caseSensitive)));
  return sorted(counted(limits, value), (item) => getters.map((getter) => getter(item)), truthy(reversed));
}

function dictsort(value: Value, caseSensitive: Value, by: Value, reversed: Value): Value {
  if (by !== "key" && by !== "value") throw valueError('You can only sort by either "key" or "value"');
  if (!(value instanceof PyDict)) throw typeError(`'${typeName(value)}' object has no attribute 'items'`);
  const at = by === "key" ? 0 : 1;
  const key = caseOf((item) => (item instanceof PyTuple ? (item.items[at] ?? null) : null), truthy(caseSensitive));
  return sorted(
    Array.from(value.entries(), (entry) => new PyTuple(entry)),
    key,
    truthy(reversed),
  );
}

function* unique(limits: Limits, value: Value, getter: Getter): Generator<Value> {
  const seen = new Set<HashKey>();
  for (const item of counted(limits, value)) {
    const key = hashKey(getter(item));
    if (seen.has(key)) continue;
    seen.add(key);
    yield item;
  }
}

function extreme(limits: Limits, value: Value, getter: Getter, isBetter: (a: Value, b: Value) => boolean): Value {
  let best: { readonly item: Value; readonly key: Value } | null = null;
  for (const item of counted(limits, value)) {
    const key = getter(item);
    if (best === null || isBetter(key, best.key)) best = { item, key };
  }
  return best === null ? new Undefined(() => "No aggregated item, sequence was empty.") : best.item;
}

function sum(limits: Limits, value: Value, attribute: Value, start: Value): Value {
  if (typeof start === "string" || start instanceof Markup) {
    throw typeError("sum() can't sum strings [use ''.join(seq) instead]");
  }
  const getter: Getter = attribute === null ? (item) => item : attributeGetter(limits, attribute);
  let total: Value = start;
  for (const item of counted(limits, value)) total = add(limits, total, getter(item));
  return total;
}

function* batch(limits: Limits, value: Value, size: Value, fill: Value): Generator<Value> {
  let group: Value[] = [];
  for (const item of counted(limits, value)) {
    if (equals(group.length, size)) {
      yield group;
      group = [];
    }
    group.push(item);
  }
  if (group.length === 0) return;
  const missing = fill === null ? 0 : Math.max(0, intArgument(size) - group.length);
  limits.step(missing);
  yield [...group, ...Array.from({ length: missing }, () => fill)];
}

function* slices(limits: Limits, value: Value, count: Value, fill: Value): Generator<Value> {
  const items = Array.from(counted(limits, value));
  const parts = intArgument(count);
  const perSlice = intArgument(otherBinary("//", items.length, parts));
  const longer = intArgument(otherBinary("%", items.length, parts));
  let from = 0;
  for (let index = 0; index < parts; index++) {
    limits.step();
    const to = from + perSlice + (index < longer ? 1 : 0);
    const part = items.slice(from, to);
    if (fill !== null && index >= longer) part.push(fill);
    yield part;
    from = to;
  }
}

function groupby(limits: Limits, value: Value, attribute: Value, fallback: Value, caseSensitive: Value): Value {
  const getter = attributeGetter(limits, attribute, fallback);
  const key = caseOf(getter, truthy(caseSensitive));
  const groups: { readonly key: Value; readonly items: Value[] }[] = [];
  for (const item of sorted(counted(limits, value), key, false)) {
    const itemKey = key(item);
    const group = groups.at(-1);
    if (group !== undefined && equals(group.key, itemKey)) group.items.push(item);
    else groups.push({ key: itemKey, items: [item] });
  }
  return groups.map(({ items }) => new PyTuple([getter(items[0] ?? null), items], ["grouper", "list"]));
}

function* itemPairs(value: Value): Generator<Value> {
  if (value instanceof Undefined) return;
  if (!(value instanceof PyDict)) throw typeError("Can only get item pairs from a mapping.");
  for (const entry of value.entries()) yield new PyTuple(entry);
}

const filter = (
  name: string,
  parameters: readonly Parameter[],
  run: (limits: Limits, ...values: Value[]) => Value,
): [string, Run] => [name, builtin(name, parameters, run)];
const byAttribute: readonly Parameter[] = ["value", ["case_sensitive", false], ["attribute", null]];
const withFill = (size: string): readonly Parameter[] => ["value", size, ["fill_with", null]];
const fallbackParameters: readonly Parameter[] = ["value", ["default_value", ""], ["boolean", false]];

const otherwise = (_: Limits, value: Value, fallback: Value, boolean: Value): Value =>
  value instanceof Undefined || (truthy(boolean) && !truthy(value)) ? fallback : value;

export const sequenceFilters: ReadonlyMap<string, Run> = new Map([
  ["length", positional("len", ["obj"], (_, value) => lengthOf(value))],
  ["count", positional("len", ["obj"], (_, value) => lengthOf(value))],
  filter("default", fallbackParameters, otherwise),
  filter("d", fallbackParameters, otherwise),
  filter("first", ["seq"], (_, value) => first(value)),
  filter("last", ["seq"], (_, value) => last(value)),
  filter("list", ["value"], (limits, value) => Array.from(counted(limits, value))),
  filter("reverse", ["value"], (_, value) => reverse(value)),
  filter("join", ["value", ["d", ""], ["attribute", null]], joinItems),
  filter("sort", ["value", ["reverse", false], ["case_sensitive", false], ["attribute", null]], sort),
  filter(
    "dictsort",
    ["value", ["case_sensitive", false], ["by", "key"], ["reverse", false]],
    (_, value, caseSensitive, by, reversed) => dictsort(value, caseSensitive, by, reversed),
  ),
  filter("unique", byAttribute, (limits, value, caseSensitive, attribute) =>
    lazily(() => unique(limits, value, caseOf(attributeGetter(limits, attribute), truthy(caseSensitive)))),
  ),
  filter("min", byAttribute, (limits, value, caseSensitive, attribute) =>
    extreme(limits, value, caseOf(attributeGetter(limits, attribute), truthy(caseSensitive)), lessThan),
  ),
  filter("max", byAttribute, (limits, value, caseSensitive, attribute) =>
    extreme(limits, value, caseOf(attributeGetter(limits, attribute), truthy(caseSensitive)), (a, b) => lessThan(b, a)),
  ),
  filter("sum", ["iterable", ["attribute", null], ["start", 0]], sum),
  filter("batch", withFill("linecount"), (limits, value, size, fill) => lazily(() => batch(limits, value, size, fill))),
  filter("slice", withFill("slices"), (limits, value, count, fill) => lazily(() => slices(limits, value, count, fill))),
  filter("groupby", ["value", "attribute", ["default", null], ["case_sensitive", false]], groupby),
  filter("items", ["value"], (_, value) => lazily(() => itemPairs(value))),
]);
