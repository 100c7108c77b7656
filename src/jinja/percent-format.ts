/** Python's `text % values`. */
import { floatDigits } from "./format-spec.js";
import { floatText } from "./decimal.js";
import { PythonError, UnsupportedError, typeError, valueError } from "./errors.js";
import type { Limits } from "./limits.js";
import { asFloat, asInt } from "./numbers.js";
import { intText, repr, str } from "./text.js";
import { codePointLength, codePoints } from "./unicode.js";
import { PyDict } from "./dict.js";
import { PyFloat, PyRange, PyTuple, Undefined, typeName, type Value } from "./values.js";

const directive = /%(?:\(([^()]*)\))?([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?([\s\S]?)/gu;

/** The values, taken one after another or by name. */
class Values {
  readonly #items: readonly Value[];
  readonly #dict: PyDict | null;
  #next = 0;
  #named = false;

  constructor(values: Value) {
    this.#items = values instanceof PyTuple ? values.items : [values];
    this.#dict = values instanceof PyDict ? values : null;
  }

  next(): Value {
    const value = this.#items[this.#next++];
    if (value === undefined) throw typeError("not enough arguments for format string");
    return value;
  }

  named(name: string): Value {
    if (this.#dict === null) throw typeError("format requires a mapping");
    this.#named = true;
    const value = this.#dict.get(name);
    if (value === undefined) throw new PythonError("KeyError", `'${name}'`);
    return value;
  }

  /** A mapping may have more than is used, and so may a list that is the one value. */
  finish(given: Value): void {
    if (this.#named || this.#next >= this.#items.length) return;
    const mapping = given instanceof PyDict || given instanceof PyRange || given instanceof Undefined;
    if (mapping || Array.isArray(given)) return;
    throw typeError("not all arguments converted during string formatting");
  }
}

interface Flags {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | null;
}

function pad(limits: Limits, sign: string, body: string, { flags, width }: Flags, zero: boolean): string {
  const missing = width - codePointLength(sign + body);
  if (missing <= 0) return sign + body;
  limits.text(width);
  if (flags.includes("-")) return sign + body + " ".repeat(missing);
  return zero && flags.includes("0") ? sign + "0".repeat(missing) + body : " ".repeat(missing) + sign + body;
}

function signOf(negative: boolean, flags: string): string {
  if (negative) return "-";
  return flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
}

function integer(limits: Limits, value: Value, code: string, spec: Flags): string {
  const float = value instanceof PyFloat && "diu".includes(code) ? value.value : null;
  if (float !== null && !Number.isFinite(float)) throw valueError("cannot convert float to integer");
  const int = float === null ? asInt(value) : BigInt(Math.trunc(float));
  if (int === null)
    throw typeError(
      `%${code} format: ${"diu".includes(code) ? "a real number" : "an integer"} is required, not ${typeName(value)}`,
    );
  const magnitude = int < 0 ? -BigInt(int) : BigInt(int);
  const radix = code === "o" ? 8 : code.toLowerCase() === "x" ? 16 : 10;
  const plain = radix === 10 ? intText(magnitude) : magnitude.toString(radix);
  if (spec.precision !== null) limits.text(spec.precision);
  const digits = (code === "X" ? plain.toUpperCase() : plain).padStart(spec.precision ?? 0, "0");
  const prefix = spec.flags.includes("#") && radix !== 10 ? `0${code}` : "";
  return pad(limits, signOf(int < 0, spec.flags) + prefix, digits, spec, true);
}

function float(limits: Limits, value: Value, code: string, spec: Flags): string {
  const number = asFloat(value);
  if (number === null) throw typeError(`must be real number, not ${typeName(value)}`);
  const precision = spec.precision ?? 6;
  if (precision > 4000) throw new UnsupportedError("a precision of more than 4000 digits");
  const finite = Number.isFinite(number);
  const digits = finite
    ? floatDigits(Math.abs(number), code, precision, spec.flags.includes("#"))
    : floatText(Math.abs(number));
  const sign = signOf(number < 0 || Object.is(number, -0), spec.flags);
  return pad(limits, sign, code === code.toUpperCase() ? digits.toUpperCase() : digits, spec, true);
}

function text(limits: Limits, value: Value, code: string, spec: Flags): string {
  const whole = code === "s" ? str(value) : code === "r" ? repr(value) : asciiRepr(value);
  return pad(limits, "", cut(whole, spec), spec, false);
}

const cut = (whole: string, { precision }: Flags): string =>
  precision === null ? whole : codePoints(whole).slice(0, precision).join("");

function asciiRepr(value: Value): string {
  return repr(value).replace(/[^\0-\x7f]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code <= 0xff) return `\\x${code.toString(16)}`;
    return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });
}

function character(limits: Limits, value: Value, spec: Flags): string {
  const int = asInt(value);
  if (int !== null) return pad(limits, "", String.fromCodePoint(Number(int)), spec, false);
  if (typeof value === "string" && codePointLength(value) === 1) return pad(limits, "", value, spec, false);
  throw typeError("%c requires int or char");
}

function one(limits: Limits, value: Value, code: string, spec: Flags): string {
  if (code === "s" || code === "r" || code === "a") return text(limits, value, code, spec);
  if (code !== "" && "diuoxX".includes(code)) return integer(limits, value, code, spec);
  if (code !== "" && "eEfFgG".includes(code)) return float(limits, value, code, spec);
  if (code === "c") return character(limits, value, spec);
  throw code === "" ? valueError("incomplete format") : valueError(`unsupported format character '${code}'`);
}

export function percentFormat(limits: Limits, format: string, given: Value): string {
  const values = new Values(given);
  const size = (value: string | undefined): number | null => {
    if (value === undefined) return null;
    if (value !== "*") return Number(value || 0);
    const int = asInt(values.next());
    if (int === null) throw typeError("* wants int");
    if (int < 0) throw new UnsupportedError("a negative width or precision");
    return Number(int);
  };
  const replace = (
    _: string,
    name: string | undefined,
    flags: string,
    width: string | undefined,
    precision: string | undefined,
    code: string,
  ): string => {
    if (code === "%") return "%";
    const named = name === undefined ? null : values.named(name);
    const spec: Flags = { flags, width: size(width) ?? 0, precision: size(precision) };
    return one(limits, name === undefined ? values.next() : named, code, spec);
  };
  const result = format.replace(directive, replace);
  values.finish(given);
  limits.text(result.length);
  return result;
}
