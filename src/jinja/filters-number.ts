/** Jinja's filters on numbers. */
import { intArgument, refuseUndefined } from "./arguments.js";
import { builtin, positional, type Run } from "./builtin.js";
import { truthy } from "./compare.js";
import { fixedText, roundFloat, roundRatio } from "./decimal.js";
import { PythonError, UnsupportedError, typeError, valueError } from "./errors.js";
import type { Limits } from "./limits.js";
import { asFloat, asInt, negateInt, normalInt, ratioOf } from "./numbers.js";
import { multiply, otherBinary } from "./operators.js";
import { asciiDigits, stripEnd, stripStart } from "./unicode.js";
import { Markup, PyFloat, typeName, type Int, type Value } from "./values.js";

/** A number as text, without the white space around it, in ASCII. */
const strip = (text: string): string => asciiDigits(stripEnd(stripStart(text)));

const digitsOf: Readonly<Record<number, string>> = { 2: "01", 8: "0-7", 10: "0-9", 16: "0-9a-fA-F" };
const prefixes: Readonly<Record<string, number>> = { "0b": 2, "0o": 8, "0x": 16 };

/** `int(text, base)`, or null if it raises a ValueError. */
function parseInt(text: string, base: number): Int | null {
  const stripped = strip(text);
  const [, sign = "", found = ""] = /^([-+]?)(0[box])?/i.exec(stripped) ?? [];
  const prefixed = prefixes[found.toLowerCase()];
  const radix = base === 0 ? (prefixed ?? 10) : base;
  // "0b1" is a hexadecimal number, too.
  const prefix = prefixed === radix ? found : "";
  const digits = stripped.slice(sign.length + prefix.length).replace(prefix === "" ? /^$/ : /^_/, "");
  const allowed = digitsOf[radix];
  if (allowed === undefined) throw new UnsupportedError(`the filter 'int' with base ${base}`);
  if (!new RegExp(`^[${allowed}]+(?:_[${allowed}]+)*$`).test(digits)) return null;
  if (base === 0 && prefix === "" && /^0[0_]*[1-9]/.test(digits)) return null;
  const plain = digits.replaceAll("_", "");
  if (radix === 10 && plain.length > 4300) return null;
  const value = normalInt(BigInt((radix === 10 ? "" : `0${"box".charAt([2, 8, 16].indexOf(radix))}`) + plain));
  return sign === "-" ? negateInt(value) : value;
}

const floatText = /^[-+]?(?:(?:\d+(?:_\d+)*)?\.?(?:\d+(?:_\d+)*)?(?:e[-+]?\d+(?:_\d+)*)?|inf(?:inity)?|nan)$/i;

/** `float(text)`, or null if it raises. */
function parseFloat(text: string): number | null {
  const stripped = strip(text);
  if (!floatText.test(stripped) || !/^[-+]?(?:\.?\d|inf|nan)/i.test(stripped)) return null;
  if (/nan/i.test(stripped)) return Number.NaN;
  if (/inf/i.test(stripped)) return stripped.startsWith("-") ? -Infinity : Infinity;
  return Number(stripped.replaceAll("_", ""));
}

const textOf = (value: Value): string | null =>
  typeof value === "string" ? value : value instanceof Markup ? value.text : null;

function toInt(value: Value, fallback: Value, base: Value): Value {
  refuseUndefined(value);
  const text = textOf(value);
  if (text === null) return value instanceof PyFloat ? truncated(value.value, fallback) : (asInt(value) ?? fallback);
  const int = parseInt(text, intArgument(base));
  if (int !== null) return int;
  const float = parseFloat(text);
  return float === null || !Number.isFinite(float) ? fallback : normalInt(BigInt(Math.trunc(float)));
}

function truncated(value: number, fallback: Value): Value {
  if (Number.isNaN(value)) return fallback;
  if (!Number.isFinite(value)) throw new PythonError("OverflowError", "cannot convert float infinity to integer");
  return normalInt(BigInt(Math.trunc(value)));
}

function toFloatOr(value: Value, fallback: Value): Value {
  refuseUndefined(value);
  const text = textOf(value);
  if (text === null) {
    const float = asFloat(value);
    return float === null ? fallback : new PyFloat(float);
  }
  const float = parseFloat(text);
  return float === null ? fallback : new PyFloat(float);
}

/** `round(value, precision)`; without a precision a whole number. */
function roundCommon(value: Value, precision: Value): Value {
  const places = precision === null ? null : intArgument(precision);
  if (value instanceof PyFloat) {
    if (places !== null) return new PyFloat(roundFloat(value.value, places));
    return normalInt(roundRatio(...ratioOf(value.value)));
  }
  refuseUndefined(value);
  const int = asInt(value);
  if (int === null) throw typeError(`type ${typeName(value)} doesn't define __round__ method`);
  if (places === null || places >= 0) return int;
  if (places < -4000) return 0;
  const unit = 10n ** BigInt(-places);
  return normalInt(roundRatio(BigInt(int), unit) * unit);
}

function round(limits: Limits, value: Value, precision: Value, method: Value): Value {
  if (method === "common") return roundCommon(value, precision);
  if (method !== "ceil" && method !== "floor") throw valueError("method must be common, ceil or floor");
  const scale = otherBinary("**", 10, precision);
  const scaled = multiply(limits, value, scale);
  const number = asFloat(scaled);
  if (number === null) throw typeError(`must be real number, not ${typeName(scaled)}`);
  if (!Number.isFinite(number)) throw valueError("cannot convert float NaN or infinity to integer");
  const whole = asInt(scaled) ?? normalInt(BigInt(method === "ceil" ? Math.ceil(number) : Math.floor(number)));
  return otherBinary("/", whole, scale);
}

function absolute(value: Value): Value {
  refuseUndefined(value);
  if (value instanceof PyFloat) return new PyFloat(Math.abs(value.value));
  const int = asInt(value);
  if (int === null) throw typeError(`bad operand type for abs(): '${typeName(value)}'`);
  return int < 0 ? negateInt(int) : int;
}

function fileSize(value: Value, binary: Value): string {
  const converted = toFloatOr(value, null);
  if (!(converted instanceof PyFloat)) throw valueError("could not convert to float");
  const bytes = converted.value;
  const base = truthy(binary) ? 1024 : 1000;
  if (bytes === 1) return "1 Byte";
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  const letters = Array.from("KMGTPEZY");
  const index = letters.findIndex((_, power) => bytes < base ** (power + 2));
  const power = index < 0 ? letters.length - 1 : index;
  const letter = letters[power] ?? "";
  const unit = truthy(binary) ? `${letter}iB` : `${letter === "K" ? "k" : letter}B`;
  const size = otherBinary("/", new PyFloat(base * bytes), normalInt(BigInt(base) ** BigInt(power + 2)));
  return `${fixedText(size instanceof PyFloat ? size.value : 0, 1)} ${unit}`;
}

export const numberFilters: ReadonlyMap<string, Run> = new Map([
  ["abs", positional("abs", ["x"], (_, value) => absolute(value))],
  [
    "int",
    builtin("int", ["value", ["default", 0], ["base", 10]], (_, value, fallback, base) => toInt(value, fallback, base)),
  ],
  [
    "float",
    builtin("float", ["value", ["default", new PyFloat(0)]], (_, value, fallback) => toFloatOr(value, fallback)),
  ],
  ["round", builtin("round", ["value", ["precision", 0], ["method", "common"]], round)],
  [
    "filesizeformat",
    builtin("filesizeformat", ["value", ["binary", false]], (_, value, binary) => fileSize(value, binary)),
  ],
]);
