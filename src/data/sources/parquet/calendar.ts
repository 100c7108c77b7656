/** Dates, times and decimal numbers as Python writes them: `str()` of what pyarrow makes of a value. Pure. */

const pad = (value: bigint | number, width: number): string => String(value).padStart(width, "0");

/** Python has years 1 to 9999. */
const firstMs = Date.parse("0001-01-01T00:00:00Z");
const lastMs = Date.parse("9999-12-31T23:59:59.999Z");

function isoOf(ms: number): string {
  if (!(ms >= firstMs && ms <= lastMs)) throw new RangeError("a date outside the years 1 to 9999");
  return new Date(ms).toISOString();
}

/** "2024-01-31" */
export const dateText = (days: number): string => isoOf(days * 86_400_000).slice(0, 10);

/** ".000001", of nanoseconds; empty for whole seconds. */
function fractionText(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return "";
  return `.${nanoseconds % 1000n === 0n ? pad(nanoseconds / 1000n, 6) : pad(nanoseconds, 9)}`;
}

/** "03:04:05.000006" @param unit units per second */
export function timeText(value: bigint, unit: bigint): string {
  if (value < 0n || value >= 86_400n * unit) throw new RangeError("a time outside the 24 hours of a day");
  const seconds = Number(value / unit);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return clock.map((part) => pad(part, 2)).join(":") + fractionText((value % unit) * (1_000_000_000n / unit));
}

/** "2024-01-31 03:04:05", with "+00:00" if it is a moment and not what a clock shows. @param unit units per second */
export function timestampText(value: bigint, unit: bigint, isMoment: boolean): string {
  const within = ((value % unit) + unit) % unit;
  const seconds = isoOf(Number((value - within) / unit) * 1000);
  const fraction = fractionText(within * (1_000_000_000n / unit));
  return `${seconds.slice(0, 10)} ${seconds.slice(11, 19)}${fraction}${isMoment ? "+00:00" : ""}`;
}

/** Julian day and nanoseconds of it, as Impala and old Sparks write timestamps, in nanoseconds since 1970. */
export const nanosecondsOfInt96 = (value: bigint): bigint =>
  ((value >> 64n) - 2_440_588n) * 86_400_000_000_000n + (value & 0xffffffffffffffffn);

/** As `decimal.Decimal` prints it: "1.50", "0E-8". */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? "-" : "";
  const digits = String(unscaled < 0n ? -unscaled : unscaled);
  if (scale === 0) return sign + digits;
  const point = digits.length - scale;
  if (point > 0) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  if (point > -6) return `${sign}0.${"0".repeat(-point)}${digits}`;
  const mantissa = digits.length === 1 ? digits : `${digits.slice(0, 1)}.${digits.slice(1)}`;
  return `${sign}${mantissa}E${point - 1}`;
}

/** A two's complement number of any length, big-endian. */
export function signedInteger(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
}

/** IEEE 754 binary16, little-endian. */
export function halfFloat(bytes: Uint8Array): number {
  const bits = ((bytes[1] ?? 0) << 8) | (bytes[0] ?? 0);
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -24 * fraction;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

/** "123e4567-e89b-12d3-a456-426614174000" */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
