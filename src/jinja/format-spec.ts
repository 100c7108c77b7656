/** One value under a format specification: Python's `format(value, spec)`. */
import { fixedText, floatText, scientific, significantDigits } from "./decimal.js";
import { UnsupportedError, typeError, valueError } from "./errors.js";
import type { Limits } from "./limits.js";
import { asInt, toFloat } from "./numbers.js";
import { intText, str } from "./text.js";
import { codePointLength, codePoints } from "./unicode.js";
import { Markup, PyFloat, typeName, type Int, type Value } from "./values.js";

/** Digits and widths beyond this are refused. */
const maxPrecision = 4000;

export interface FormatSpec {
  readonly fill: string;
  readonly align: string;
  readonly sign: string;
  readonly alternate: boolean;
  readonly width: number;
  /** "," or "_" between groups of digits, or "". */
  readonly grouping: string;
  readonly precision: number | null;
  /** One letter, or "". */
  readonly type: string;
}

const pattern = /^(?:([\s\S])?([<>=^]))?([-+ ]?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?([a-zA-Z%]?)$/u;

export function parseSpec(spec: string): FormatSpec {
  const match = pattern.exec(spec);
  if (match === null) throw valueError(`Invalid format specifier '${spec}'`);
  const [, fill, align, sign = "", alternate, zero, width = "", grouping = "", precision, type = ""] = match;
  const padded = zero === "0";
  return {
    fill: fill ?? (padded && align === undefined ? "0" : padded ? "0" : " "),
    align: align ?? (padded ? "=" : ""),
    sign,
    alternate: alternate === "#",
    width: Number(width || 0),
    grouping,
    precision: precision === undefined ? null : limited(Number(precision)),
    type,
  };
}

function limited(precision: number): number {
  if (precision > maxPrecision) throw new UnsupportedError(`a precision of more than ${maxPrecision} digits`);
  return precision;
}

function padText(limits: Limits, body: string, spec: FormatSpec, align: string): string {
  const missing = spec.width - codePointLength(body);
  if (missing <= 0) return body;
  limits.text(spec.width);
  const left = align === "<" ? 0 : align === "^" ? Math.floor(missing / 2) : missing;
  return spec.fill.repeat(left) + body + spec.fill.repeat(missing - left);
}

/** A sign, digits, and what follows them, filled up to the width. */
function padNumber(limits: Limits, sign: string, prefix: string, digits: string, spec: FormatSpec): string {
  const align = spec.align || ">";
  const tail = /[.eE%].*$/.exec(digits)?.[0] ?? "";
  const hexadecimal = ["x", "X", "o", "b"].includes(spec.type);
  const whole = hexadecimal ? digits : digits.slice(0, digits.length - tail.length);
  const rest = hexadecimal ? "" : tail;
  if (align !== "=" || spec.fill !== "0") {
    const body = group(whole, spec.grouping, hexadecimal ? 4 : 3, 0) + rest;
    if (align !== "=") return padText(limits, sign + prefix + body, spec, align);
    return sign + prefix + padText(limits, body, { ...spec, width: spec.width - sign.length - prefix.length }, ">");
  }
  limits.text(spec.width);
  const width = spec.width - sign.length - prefix.length - rest.length;
  return sign + prefix + group(whole, spec.grouping, hexadecimal ? 4 : 3, width) + rest;
}

/** Digits in groups, with leading zeros up to the width. */
function group(digits: string, separator: string, size: number, width: number): string {
  if (separator === "") return digits.padStart(width, "0");
  let padded = digits;
  const grouped = (): string =>
    padded.replace(new RegExp(`(?<=[0-9a-fA-F])(?=(?:[0-9a-fA-F]{${size}})+$)`, "g"), separator);
  if (!/^[0-9a-fA-F]+$/.test(digits)) return digits;
  while (grouped().length < width) padded = `0${padded}`;
  return grouped();
}

const signOf = (negative: boolean, sign: string): string => (negative ? "-" : sign === "-" ? "" : sign);

const radixes: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 };

function formatInt(limits: Limits, value: Int, spec: FormatSpec): string {
  if ("eEfFgG%".includes(spec.type) && spec.type !== "") return formatFloat(limits, toFloat(value), spec);
  if (spec.precision !== null) throw valueError("Precision not allowed in integer format specifier");
  const magnitude = value < 0 ? -BigInt(value) : BigInt(value);
  const sign = signOf(value < 0, spec.sign);
  const radix = radixes[spec.type];
  if (radix !== undefined) {
    if (spec.grouping === ",") throw valueError(`Cannot specify ',' with '${spec.type}'.`);
    const digits = magnitude.toString(radix);
    const prefix = spec.alternate ? `0${spec.type}` : "";
    return padNumber(limits, sign, prefix, spec.type === "X" ? digits.toUpperCase() : digits, spec);
  }
  if (spec.type === "c") return padText(limits, String.fromCodePoint(Number(value)), spec, spec.align || "<");
  if (spec.type !== "" && spec.type !== "d" && spec.type !== "n") throw unknownCode(spec, "int");
  return padNumber(limits, sign, "", intText(normal(magnitude)), spec);
}

const normal = (value: bigint): Int => (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value);

const unknownCode = (spec: FormatSpec, type: string): Error =>
  valueError(`Unknown format code '${spec.type}' for object of type '${type}'`);

/** Digits of a finite value >= 0 under "e", "f", "g", "%" or none. */
export function floatDigits(value: number, type: string, precision: number | null, alternate: boolean): string {
  const lower = type.toLowerCase();
  if (lower === "f") return fixedText(value, precision ?? 6) + (alternate && precision === 0 ? "." : "");
  if (lower === "%") return `${fixedText(value * 100, precision ?? 6)}%`;
  if (lower === "e") {
    const { digits, exponent } = significantDigits(value, (precision ?? 6) + 1);
    return scientific(digits, exponent, digits.length > 1 || alternate);
  }
  if (type === "" && precision === null) return floatText(value);
  return generalDigits(value, Math.max(1, precision ?? 6), alternate);
}

/** "g": scientific where the exponent is small or not below the precision; without trailing zeros. */
function generalDigits(value: number, precision: number, alternate: boolean): string {
  const { digits, exponent } = significantDigits(value, precision);
  const kept = alternate ? digits : digits.replace(/0+$/, "") || "0";
  if (exponent < -4 || exponent >= precision) return scientific(kept, exponent, kept.length > 1 || alternate);
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${kept}`;
  const whole = digits.slice(0, exponent + 1);
  const fraction = kept.slice(exponent + 1);
  return fraction === "" && !alternate ? whole : `${whole}.${fraction}`;
}

function formatFloat(limits: Limits, value: number, spec: FormatSpec): string {
  if (!["", "e", "E", "f", "F", "g", "G", "n", "%"].includes(spec.type)) throw unknownCode(spec, "float");
  if (spec.type === "n") throw new UnsupportedError("the format code 'n'");
  if (spec.type === "" && spec.precision !== null) throw new UnsupportedError("a precision without a format code");
  if (spec.type === "%" && !Number.isInteger(value * 100)) throw new UnsupportedError("the format code '%'");
  const sign = signOf(value < 0 || Object.is(value, -0), spec.sign);
  const upper = spec.type !== "" && "EFG".includes(spec.type);
  const digits = Number.isFinite(value)
    ? floatDigits(Math.abs(value), spec.type, spec.precision, spec.alternate)
    : floatText(Math.abs(value)) + (spec.type === "%" ? "%" : "");
  return padNumber(
    limits,
    Number.isNaN(value) ? signOf(false, spec.sign) : sign,
    "",
    upper ? digits.toUpperCase() : digits,
    spec,
  );
}

function formatText(limits: Limits, text: string, spec: FormatSpec): string {
  if (spec.type !== "" && spec.type !== "s") throw unknownCode(spec, "str");
  if (spec.sign !== "" || spec.alternate || spec.grouping !== "" || spec.align === "=") {
    if (spec.align !== "=" || spec.fill !== "0")
      throw valueError("Sign, '#', ',' or '=' not allowed in string format specifier");
    throw new UnsupportedError("a zero-padded string");
  }
  const cut = spec.precision === null ? text : codePoints(text).slice(0, spec.precision).join("");
  return padText(limits, cut, spec, spec.align || "<");
}

/** `format(value, spec)`. */
export function formatValue(limits: Limits, value: Value, spec: string): string {
  if (spec === "") return str(value);
  if (typeof value === "string") return formatText(limits, value, parseSpec(spec));
  if (value instanceof PyFloat) return formatFloat(limits, value.value, parseSpec(spec));
  const int = asInt(value);
  if (int !== null) return formatInt(limits, int, parseSpec(spec));
  if (value instanceof Markup) throw new UnsupportedError("formatting a safe text");
  throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`);
}
