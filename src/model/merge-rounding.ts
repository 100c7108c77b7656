/**
 * The error of rounding a merged adapter to 16 bits: the part of W + delta below the precision of the type. Pure.
 */
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./float-convert.js";
import type { FloatType } from "./read-tensor.js";

/** The error of rounding merged weights to 16 bits. */
export interface RoundingCost {
  /** Elements of the adapted weights that the adapter changes. */
  readonly changed: number;
  /** Of these, the number that is unchanged after rounding. */
  readonly lost: number;
  /** L2 norm of the delta's rounding error, divided by the delta's norm. */
  readonly relativeError: number;
}

export class RoundingTally {
  #changed = 0;
  #lost = 0;
  #error = 0;
  #delta = 0;

  /** @param before of W, and `after` of W + delta, both f32; `type` is what `after` is written in */
  add(before: Float32Array, after: Float32Array, type: FloatType): void {
    if (type === "F32") return;
    const [roundedBefore, roundedAfter] = [rounded(before, type), rounded(after, type)];
    for (let i = 0; i < after.length; i++) {
      const delta = (after[i] ?? 0) - (before[i] ?? 0);
      if (delta === 0) continue;
      const kept = (roundedAfter[i] ?? 0) - (roundedBefore[i] ?? 0);
      this.#changed++;
      if (kept === 0) this.#lost++;
      this.#delta += delta * delta;
      this.#error += (kept - delta) * (kept - delta);
    }
  }

  /** null if nothing was rounded. */
  cost(): RoundingCost | null {
    if (this.#changed === 0) return null;
    return { changed: this.#changed, lost: this.#lost, relativeError: Math.sqrt(this.#error / this.#delta) };
  }
}

/** f32 values after rounding to a type. */
function rounded(values: Float32Array, type: "F16" | "BF16"): Float32Array {
  const bits = new Uint16Array(values.length);
  const kept = new Float32Array(values.length);
  if (type === "BF16") {
    float32ToBfloat16(values, bits);
    bfloat16ToFloat32(bits, kept);
  } else {
    float32ToFloat16(values, bits);
    float16ToFloat32(bits, kept);
  }
  return kept;
}
