/** Doubles as decimal digits: Python's `repr`, and digits rounded half to even from the exact value. */
import { ratioOf } from "./numbers.js";

/** `repr(value)` of a float. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "0", power = "0"] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) return sign + scientific(digits, exponent);
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

/** `1.5e+16`: an exponent has a sign and two digits at least. */
export function scientific(digits: string, exponent: number, point = digits.length > 1): string {
  const power = `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  return `${digits.slice(0, 1)}${point ? "." : ""}${digits.slice(1)}e${power}`;
}

/** numerator / denominator (> 0), rounded half to even. */
export function roundRatio(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  const floor = magnitude / denominator;
  const twice = (magnitude % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && floor % 2n === 1n);
  const rounded = up ? floor + 1n : floor;
  return negative ? -rounded : rounded;
}

/** A finite value >= 0 with this many digits after the point, without exponent: "%.{places}f". */
export function fixedText(value: number, places: number): string {
  const [numerator, denominator] = ratioOf(value);
  const scaled = roundRatio(numerator * 10n ** BigInt(places), denominator);
  const digits = String(scaled).padStart(places + 1, "0");
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

export interface SignificantDigits {
  readonly digits: string;
  /** Power of ten of the first digit. */
  readonly exponent: number;
}

/** A finite value >= 0 rounded to `count` significant digits. */
export function significantDigits(value: number, count: number): SignificantDigits {
  if (value === 0) return { digits: "0".repeat(count), exponent: 0 };
  const [numerator, denominator] = ratioOf(value);
  let exponent = Number(value.toExponential(0).split("e")[1]);
  for (;;) {
    const shift = count - 1 - exponent;
    const [top, bottom] =
      shift >= 0 ? [numerator * 10n ** BigInt(shift), denominator] : [numerator, denominator * 10n ** BigInt(-shift)];
    const digits = String(roundRatio(top, bottom));
    if (digits.length === count) return { digits, exponent };
    exponent += digits.length > count ? 1 : -1;
  }
}

/** `round(value, places)` of a float. */
export function roundFloat(value: number, places: number): number {
  if (!Number.isFinite(value) || value === 0 || places > 323) return value;
  const sign = value < 0 ? -1 : 1;
  if (places < -308) return sign * 0;
  if (places >= 0) return sign * Number(fixedText(Math.abs(value), places));
  const [numerator, denominator] = ratioOf(Math.abs(value));
  const unit = 10n ** BigInt(-places);
  return sign * Number(roundRatio(numerator, denominator * unit) * unit);
}
