/** Jinja's tests: what may follow `is`. */
import { builtin, type Run } from "./builtin.js";
import { contains, equals, order, type Ordering } from "./compare.js";
import { UnsupportedError } from "./errors.js";
import { hashKey, type HashKey } from "./hash.js";
import { isIterable, lengthOrNull } from "./iterate.js";
import type { Limits } from "./limits.js";
import { LoopContext } from "./loop.js";
import { asInt } from "./numbers.js";
import { modulo } from "./operators.js";
import { isLowerText, isUpperText } from "./str-characters.js";
import { str } from "./text.js";
import { DictView, PyDict } from "./dict.js";
import { Markup, PyCallable, PyFloat, Undefined, type Value } from "./values.js";

const isText = (value: Value): boolean => typeof value === "string" || value instanceof Markup;
const isInteger = (value: Value): boolean => typeof value === "number" || typeof value === "bigint";

/** Whether two values are one object. Whether Python shares equal texts and large numbers is unspecified. */
function sameAs(a: Value, b: Value): boolean {
  if (isText(a) && isText(b) && str(a) === str(b)) throw new UnsupportedError("the test 'sameas' of equal texts");
  if (isInteger(a) && isInteger(b) && equals(a, b) && !equals(a, Math.max(-5, Math.min(256, Number(a))))) {
    throw new UnsupportedError("the test 'sameas' of equal large numbers");
  }
  return a === b || (a instanceof Undefined && b instanceof Undefined && a === b);
}

function isSequence(value: Value): boolean {
  const indexed = !(value instanceof DictView) && !(value instanceof LoopContext);
  return indexed && lengthOrNull(value) !== null;
}

const one = (name: string, holds: (value: Value, limits: Limits) => boolean): [string, Run] => [
  name,
  builtin(name, ["value"], (limits, value) => holds(value, limits)),
];
const two = (
  names: readonly string[],
  second: string,
  holds: (a: Value, b: Value, limits: Limits) => boolean,
): [string, Run][] =>
  names.map((name) => [name, builtin(name, ["value", second], (limits, a, b) => holds(a, b, limits))]);
const ordering = (operator: Ordering, ...names: readonly string[]): [string, Run][] =>
  two(names, "other", (a, b) => order(a, b, operator));

/** @param isFilter whether there is a filter of this name: what `is filter` asks */
export function makeTests(isFilter: (name: HashKey) => boolean): ReadonlyMap<string, Run> {
  const tests: ReadonlyMap<string, Run> = new Map([
    one("odd", (value, limits) => equals(modulo(limits, value, 2), 1)),
    one("even", (value, limits) => equals(modulo(limits, value, 2), 0)),
    ...two(["divisibleby"], "num", (value, by, limits) => equals(modulo(limits, value, by), 0)),
    one("defined", (value) => !(value instanceof Undefined)),
    one("undefined", (value) => value instanceof Undefined),
    one("none", (value) => value === null),
    one("boolean", (value) => typeof value === "boolean"),
    one("true", (value) => value === true),
    one("false", (value) => value === false),
    one("integer", isInteger),
    one("float", (value) => value instanceof PyFloat),
    one("number", (value) => value instanceof PyFloat || asInt(value) !== null),
    one("string", isText),
    one("mapping", (value) => value instanceof PyDict),
    one("sequence", isSequence),
    one("iterable", isIterable),
    one(
      "callable",
      (value) => (value instanceof PyCallable && value.typeName !== "Cycler") || value instanceof Undefined,
    ),
    one("lower", (value) => isLowerText(str(value))),
    one("upper", (value) => isUpperText(str(value))),
    one("escaped", (value) => value instanceof Markup),
    one("filter", (value) => isFilter(hashKey(value))),
    one("test", (value) => {
      const key = hashKey(value);
      return typeof key === "string" && tests.has(key);
    }),
    ...two(["sameas"], "other", sameAs),
    ...two(["in"], "seq", (value, container) => contains(container, value)),
    ...two(["==", "eq", "equalto"], "other", (a, b) => equals(a, b)),
    ...two(["!=", "ne"], "other", (a, b) => !equals(a, b)),
    ...ordering("<", "<", "lt", "lessthan"),
    ...ordering("<=", "<=", "le"),
    ...ordering(">", ">", "gt", "greaterthan"),
    ...ordering(">=", ">=", "ge"),
  ]);
  return tests;
}
