/** Python's arithmetic on int (of any size) and float. */
import { LimitError, PythonError, UnsupportedError } from "./errors.js";
import { PyFloat, type Int, type Value } from "./values.js";

/** Whole numbers beyond this many bits are refused: no template needs them, and some would fill the memory. */
const maxBits = 1 << 17;

/** The one form in which an int is kept: a number where it is exact, else a bigint. */
export function normalInt(value: bigint): Int {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** A bool is an int too. */
export function asInt(value: Value): Int | null {
  if (typeof value === "number" || typeof value === "bigint") return value;
  return typeof value === "boolean" ? Number(value) : null;
}

export function toFloat(value: Int): number {
  const float = Number(value);
  if (!Number.isFinite(float)) throw new PythonError("OverflowError", "int too large to convert to float");
  return float;
}

/** The value as a double, or null if it is no number. */
export function asFloat(value: Value): number | null {
  if (value instanceof PyFloat) return value.value;
  const int = asInt(value);
  return int === null ? null : toFloat(int);
}

const fits = (value: number): boolean => Number.isSafeInteger(value);

export function addInts(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number" && fits(a + b)) return a + b;
  return normalInt(BigInt(a) + BigInt(b));
}

export function subtractInts(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number" && fits(a - b)) return a - b;
  return normalInt(BigInt(a) - BigInt(b));
}

export function multiplyInts(a: Int, b: Int): Int {
  // "+ 0" makes -0 a 0: an int has one zero.
  if (typeof a === "number" && typeof b === "number" && fits(a * b)) return a * b + 0;
  if (bitLength(a) + bitLength(b) > maxBits) throw new LimitError("a whole number gets too large");
  return normalInt(BigInt(a) * BigInt(b));
}

export const negateInt = (a: Int): Int => (typeof a === "number" ? 0 - a : normalInt(-a));

export function bitLength(value: Int): number {
  const magnitude = BigInt(value) < 0n ? -BigInt(value) : BigInt(value);
  return magnitude === 0n ? 0 : magnitude.toString(2).length;
}

const zeroDivision = (message: string): PythonError => new PythonError("ZeroDivisionError", message);

export function floorDivideInts(a: Int, b: Int): Int {
  if (Number(b) === 0) throw zeroDivision("integer division or modulo by zero");
  const [x, y] = [BigInt(a), BigInt(b)];
  const quotient = x / y;
  return normalInt(x % y !== 0n && x < 0n !== y < 0n ? quotient - 1n : quotient);
}

export function moduloInts(a: Int, b: Int): Int {
  if (Number(b) === 0) throw zeroDivision("integer modulo by zero");
  if (typeof a === "number" && typeof b === "number") {
    const rest = a % b;
    return (rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest) + 0;
  }
  const [x, y] = [BigInt(a), BigInt(b)];
  const rest = x % y;
  return normalInt(rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest);
}

/** a / b, rounded once. */
export function divideInts(a: Int, b: Int): number {
  if (Number(b) === 0) throw zeroDivision("division by zero");
  if (typeof a === "number" && typeof b === "number") return a / b;
  return divideExactly(BigInt(a), BigInt(b));
}

/**
 * The double nearest to a / b. A quotient of 64 bits and more, with a bit for what is left, rounds as the exact one.
 */
export function divideExactly(a: bigint, b: bigint): number {
  const negative = a < 0n !== b < 0n;
  const [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  if (x === 0n) return negative ? -0 : 0;
  const shift = Math.max(0, bitLength(y) - bitLength(x) + 66);
  const scaled = x << BigInt(shift);
  const quotient = ((scaled / y) << 1n) | (scaled % y === 0n ? 0n : 1n);
  const result = scaleDown(Number(quotient), shift + 1);
  if (!Number.isFinite(result)) throw new PythonError("OverflowError", "integer division result too large for a float");
  return negative ? -result : result;
}

/** value / 2^bits, for results that are not subnormal. */
function scaleDown(value: number, bits: number): number {
  let result = value;
  let left = bits;
  for (; left > 1000; left -= 1000) result /= 2 ** 1000;
  result /= 2 ** left;
  if (result !== 0 && result < 2 ** -1022) throw new UnsupportedError("a division with a subnormal result");
  return result;
}

export function moduloFloats(a: number, b: number): number {
  if (b === 0) throw zeroDivision("float modulo");
  const rest = a % b;
  if (rest === 0) return b < 0 || Object.is(b, -0) ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}

/** CPython's `float_floor_div`. */
export function floorDivideFloats(a: number, b: number): number {
  if (b === 0) throw zeroDivision("float floor division by zero");
  const rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0 && b < 0 !== rest < 0) quotient -= 1;
  if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

export function divideFloats(a: number, b: number): number {
  if (b === 0) throw zeroDivision("float division by zero");
  return a / b;
}

/** `a ** b` of ints with b >= 0. */
export function powerOfInts(a: Int, b: Int): Int {
  if (bitLength(a) > 1 && (typeof b === "bigint" || bitLength(a) * b > maxBits)) {
    throw new LimitError("a power gets too large");
  }
  return normalInt(BigInt(a) ** BigInt(b));
}

/** A double as numerator / denominator. */
export function ratioOf(value: number): readonly [numerator: bigint, denominator: bigint] {
  let exponent = 0;
  let mantissa = value;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    exponent++;
  }
  return [BigInt(mantissa), 1n << BigInt(exponent)];
}

/** `a ** b` where one of them is a float or b is negative: exactly rounded, so only with whole exponents. */
export function powerOfFloats(a: number, b: number): number {
  if (a === 0 && b < 0) throw zeroDivision("0.0 cannot be raised to a negative power");
  if (b === 0 || a === 1) return 1;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Math.pow(a, b);
  // pow(-0.0, 0.5) is 0.0, the square root of -0.0 is -0.0.
  if (b === 0.5 && a >= 0) return a === 0 ? 0 : Math.sqrt(a);
  if (!Number.isInteger(b) || Math.abs(b) > 1024) throw new UnsupportedError("a power with such an exponent");
  const [numerator, denominator] = ratioOf(a);
  const exponent = BigInt(Math.abs(b));
  const [top, bottom] = [numerator ** exponent, denominator ** exponent];
  if (top === 0n) return Object.is(a, -0) && b % 2 === 1 ? -0 : 0;
  try {
    return b > 0 ? divideExactly(top, bottom) : divideExactly(bottom, top);
  } catch (error) {
    if (error instanceof PythonError) throw new PythonError("OverflowError", "(34, 'Numerical result out of range')");
    throw error;
  }
}
