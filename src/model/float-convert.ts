/** Conversion between f32 and the 16-bit float types, as pure functions on arrays. Rounds to nearest, ties to even. */
import { CoxswainError } from "../errors.js";

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** bf16 bit patterns to f32: exact. */
export function bfloat16ToFloat32(bits: Uint16Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] ?? 0) << 16;
}

/** IEEE half bit patterns to f32: exact. */
export function float16ToFloat32(bits: Uint16Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = widenHalf(bits[i] ?? 0);
}

/** The f32 bit pattern of one half. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  // Zero or subnormal: mantissa * 2^-24 is exact in f32.
  scratch[0] = mantissa * 2 ** -24;
  return sign | (scratchBits[0] ?? 0);
}

/** f32 to bf16 bit patterns. A NaN stays a (quiet) NaN; values that round beyond the largest bf16 become infinite. */
export function float32ToBfloat16(values: Float32Array, out: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    out[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
}

/** f32 to IEEE half bit patterns. A NaN stays a (quiet) NaN; values that round beyond 65504 become infinite. */
export function float32ToFloat16(values: Float32Array, out: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) out[i] = narrowToHalf(words[i] ?? 0);
}

/**
 * f32 to IEEE half bit patterns; overflow is an error.
 * @param name the tensor's name, and `hint` the hint, for the error
 * @throws CoxswainError "model" if a finite value is beyond float16
 */
export function float16Bits(values: Float32Array, name: string, hint: string): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length);
  float32ToFloat16(values, bits);
  const lost = bits.findIndex((half, index) => (half & 0x7fff) === 0x7c00 && Number.isFinite(values[index]));
  if (lost < 0) return bits;
  throw new CoxswainError("model", `${name} has the value ${String(values[lost])}, which float16 cannot hold`, {
    hint,
  });
}

/** f32 to bf16 bit patterns, in a new array. */
export function bfloat16Bits(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length);
  float32ToBfloat16(values, bits);
  return bits;
}

/** The half bit pattern of one f32 bit pattern. */
function narrowToHalf(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  // 65520 is half way between the largest half and the next power of two: it and all above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // From 2^-14 on halves are normal: drop 13 mantissa bits; a carry runs into the exponent as it should.
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  return sign | roundToSubnormal(magnitude);
}

/** |value| < 2^-14 as a multiple of 2^-24, ties to even. */
function roundToSubnormal(magnitude: number): number {
  scratchBits[0] = magnitude;
  const scaled = (scratch[0] ?? 0) * 2 ** 24;
  const below = Math.floor(scaled);
  const rest = scaled - below;
  return rest > 0.5 || (rest === 0.5 && (below & 1) === 1) ? below + 1 : below;
}
