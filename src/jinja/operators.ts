/** Python's `+ - * / // % **`, and its signs. */
import type { BinaryOperator } from "./ast.js";
import { refuseUndefined } from "./arguments.js";
import { PythonError, UnsupportedError, typeError } from "./errors.js";
import type { Limits } from "./limits.js";
import { escapeHtml } from "./markup.js";
import * as numbers from "./numbers.js";
import { percentFormat } from "./percent-format.js";
import { DictView } from "./dict.js";
import { Markup, PyFloat, PyTuple, typeName, type Value } from "./values.js";

function unsupported(operator: BinaryOperator, a: Value, b: Value): Error {
  if (a instanceof DictView && b instanceof DictView) return new UnsupportedError("the views of dicts as sets");
  return typeError(`unsupported operand type(s) for ${operator}: '${typeName(a)}' and '${typeName(b)}'`);
}

type IntOperation = (a: number | bigint, b: number | bigint) => Value;

/** Operations of two numbers: of ints, and of doubles where one is a float. */
const arithmetic: Readonly<Record<BinaryOperator, readonly [IntOperation, (a: number, b: number) => number]>> = {
  "+": [numbers.addInts, (a, b) => a + b],
  "-": [numbers.subtractInts, (a, b) => a - b],
  "*": [numbers.multiplyInts, (a, b) => a * b],
  "/": [(a, b) => new PyFloat(numbers.divideInts(a, b)), numbers.divideFloats],
  "//": [numbers.floorDivideInts, numbers.floorDivideFloats],
  "%": [numbers.moduloInts, numbers.moduloFloats],
  "**": [power, numbers.powerOfFloats],
};

function power(a: number | bigint, b: number | bigint): Value {
  if (b >= 0) return numbers.powerOfInts(a, b);
  return new PyFloat(numbers.powerOfFloats(numbers.toFloat(a), numbers.toFloat(b)));
}

function ofNumbers(operator: BinaryOperator, a: Value, b: Value): Value | null {
  const [x, y] = [numbers.asInt(a), numbers.asInt(b)];
  const [ints, floats] = arithmetic[operator];
  if (x !== null && y !== null) return ints(x, y);
  const [v, w] = [numbers.asFloat(a), numbers.asFloat(b)];
  return v === null || w === null ? null : new PyFloat(floats(v, w));
}

export function add(limits: Limits, a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string") {
    limits.held(a.length + b.length);
    return a + b;
  }
  const sum = ofNumbers("+", a, b);
  if (sum !== null) return sum;
  refuseUndefined(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    limits.step(a.length + b.length);
    return [...a, ...b];
  }
  if (a instanceof PyTuple && b instanceof PyTuple) {
    limits.step(a.items.length + b.items.length);
    return new PyTuple([...a.items, ...b.items]);
  }
  if (a instanceof Markup || b instanceof Markup) return addMarkup(limits, a, b);
  if (typeof a === "string") throw typeError(`can only concatenate str (not "${typeName(b)}") to str`);
  throw unsupported("+", a, b);
}

/** What is added to a safe text is escaped. */
function addMarkup(limits: Limits, a: Value, b: Value): Value {
  const text = (value: Value): string => {
    if (value instanceof Markup) return value.text;
    if (typeof value === "string") return escapeHtml(value);
    throw unsupported("+", a, b);
  };
  const sum = text(a) + text(b);
  limits.text(sum.length);
  return new Markup(sum);
}

/** Indices of Python have 64 bits. */
const maxIndex = 2n ** 63n;

function repeatCount(value: Value): number | null {
  const int = numbers.asInt(value);
  if (int !== null && (int >= maxIndex || int < -maxIndex)) {
    throw new PythonError("OverflowError", "cannot fit 'int' into an index-sized integer");
  }
  return int === null ? null : Math.max(0, Number(int));
}

function repeat(limits: Limits, sequence: Value, count: number): Value | null {
  if (typeof sequence === "string" || sequence instanceof Markup) {
    const text = typeof sequence === "string" ? sequence : sequence.text;
    if (text === "") return sequence;
    limits.text(text.length * count);
    return typeof sequence === "string" ? text.repeat(count) : new Markup(text.repeat(count));
  }
  const items = Array.isArray(sequence) ? sequence : sequence instanceof PyTuple ? sequence.items : null;
  if (items === null) return null;
  limits.step(items.length * count);
  const repeated = items.length === 0 ? [] : Array.from({ length: count }, () => items).flat();
  return Array.isArray(sequence) ? repeated : new PyTuple(repeated);
}

export function multiply(limits: Limits, a: Value, b: Value): Value {
  const product = ofNumbers("*", a, b);
  if (product !== null) return product;
  refuseUndefined(a, b);
  const [left, right] = [repeatCount(a), repeatCount(b)];
  const repeated = right !== null ? repeat(limits, a, right) : left !== null ? repeat(limits, b, left) : null;
  if (repeated === null) throw unsupported("*", a, b);
  return repeated;
}

export function modulo(limits: Limits, a: Value, b: Value): Value {
  if (typeof a === "string") return percentFormat(limits, a, b);
  if (a instanceof Markup) throw new UnsupportedError("formatting a safe text with %");
  return otherBinary("%", a, b);
}

export function otherBinary(operator: BinaryOperator, a: Value, b: Value): Value {
  const result = ofNumbers(operator, a, b);
  if (result !== null) return result;
  refuseUndefined(a, b);
  throw unsupported(operator, a, b);
}

/** `-value` and `+value`. */
export function signed(sign: "-" | "+", value: Value): Value {
  const int = numbers.asInt(value);
  if (int !== null) return sign === "-" ? numbers.negateInt(int) : int;
  if (value instanceof PyFloat) return sign === "-" ? new PyFloat(-value.value) : value;
  refuseUndefined(value);
  throw typeError(`bad operand type for unary ${sign}: '${typeName(value)}'`);
}
