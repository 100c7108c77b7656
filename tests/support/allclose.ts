/** `toBeAllclose`: two vectors agree within a share of the largest entry of the expected one. */
import { expect } from "vitest";

interface Vector {
  readonly length: number;
  readonly [index: number]: number;
}

/** The largest difference as a share of the largest expected entry; NaN anywhere gives NaN. */
export function relativeDifference(actual: Vector, expected: Vector): number {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    const apart = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(apart)) return NaN;
    largest = Math.max(largest, Math.abs(expected[i]!));
    difference = Math.max(difference, apart);
  }
  return difference === 0 ? 0 : difference / largest;
}

declare module "vitest" {
  // The type parameter is vitest's own; an augmentation must repeat it.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface Matchers<T> {
    /** Within `tolerance` times the largest expected entry, everywhere. */
    toBeAllclose(expected: Vector, tolerance: number): void;
  }
}

expect.extend({
  toBeAllclose(actual: Vector, expected: Vector, tolerance: number) {
    const difference = actual.length === expected.length ? relativeDifference(actual, expected) : NaN;
    return {
      pass: difference <= tolerance,
      message: () =>
        actual.length === expected.length
          ? `differ by ${difference} of the largest entry; ${tolerance} is allowed`
          : `${actual.length} entries, ${expected.length} expected`,
    };
  },
});
