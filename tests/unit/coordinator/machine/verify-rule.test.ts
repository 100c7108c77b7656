import { describe, expect, it } from "vitest";
import { verifyRule } from "../../../../src/coordinator/machine/index.js";
import { shardIndex, stepNumber } from "../../../../src/ids.js";

const key = Buffer.from("a key of 32 bytes, for the tests");

/** Which of the first 100 x 100 sums are verified. */
const chosen = (share: number, by: Uint8Array = key): boolean[] => {
  const verifies = verifyRule(share, by);
  return Array.from({ length: 10_000 }, (_, index) =>
    verifies(stepNumber(1 + Math.floor(index / 100)), shardIndex(index % 100)),
  );
};

describe("which sums are verified", () => {
  it.each([0, 0.02, 0.5, 1])("is the share %d of them", (share) => {
    // Five standard deviations.
    const spread = 5 * Math.sqrt(10_000 * share * (1 - share));
    expect(Math.abs(chosen(share).filter(Boolean).length - 10_000 * share)).toBeLessThanOrEqual(spread);
  });

  it("depends on step, shard and key alone", () => {
    expect(chosen(0.02)).toEqual(chosen(0.02));
    expect(chosen(0.02, Buffer.from("another key"))).not.toEqual(chosen(0.02));
  });

  it("includes all sums of a smaller share", () => {
    const [few, more] = [chosen(0.02), chosen(0.1)];
    expect(few.every((isChosen, index) => !isChosen || more[index])).toBe(true);
  });
});
