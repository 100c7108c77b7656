/** Without this, two workers draw different dropout masks, and a resumed run another order of the data. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashName, philox4x32, PhiloxStream, streams } from "../../../src/math/philox.js";

type Words4 = [number, number, number, number];

describe("philox4x32-10 is the published generator", () => {
  // Known answers of Random123 1.14 (kat_vectors).
  const vectors: readonly { counter: Words4; key: [number, number]; answer: Words4 }[] = [
    { counter: [0, 0, 0, 0], key: [0, 0], answer: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      answer: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      answer: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ];

  it.each(vectors)("known answer for counter $counter", ({ counter, key, answer }) => {
    const out = new Uint32Array(6);
    philox4x32(counter, key, out, 1);
    expect(Array.from(out)).toEqual([0, ...answer, 0]);
  });
});

describe("a stream", () => {
  it("consists of the blocks (0, a, b, stream), (1, a, b, stream) … under the seed", () => {
    const seed = 0x1_2345_6789;
    const stream = new PhiloxStream(seed, streams.dropout, 7, 9);
    const block = new Uint32Array(8);
    philox4x32([0, 7, 9, streams.dropout], [0x23456789, 1], block, 0);
    philox4x32([1, 7, 9, streams.dropout], [0x23456789, 1], block, 4);
    expect(Array.from({ length: 8 }, () => stream.next())).toEqual(Array.from(block));
  });

  it("differs for another purpose, seed or member", () => {
    const first = (...of: ConstructorParameters<typeof PhiloxStream>): string => {
      const stream = new PhiloxStream(...of);
      return [stream.next(), stream.next()].join();
    };
    const sequences = [
      first(1, streams.epochOrder),
      first(1, streams.loraInit),
      first(2, streams.epochOrder),
      first(1 + 2 ** 32, streams.epochOrder),
      first(1, streams.epochOrder, 1),
      first(1, streams.epochOrder, 0, 1),
    ];
    expect(new Set(sequences).size).toBe(sequences.length);
  });

  it("draws whole numbers below a bound uniformly", () => {
    // Chi-squared with 5 degrees of freedom has mean 5 and variance 10: the mean of 100 has a standard error of 0.32.
    let chiSquared = 0;
    for (let seed = 0; seed < 100; seed++) {
      const stream = new PhiloxStream(seed, streams.sampling);
      const counts = new Array<number>(6).fill(0);
      for (let draw = 0; draw < 6000; draw++) counts[stream.below(6)]!++;
      chiSquared += counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    }
    expect(Math.abs(chiSquared / 100 - 5)).toBeLessThan(1.3);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.nat(), (bound, seed) => {
        const value = new PhiloxStream(seed, streams.sampling).below(bound);
        return Number.isInteger(value) && value >= 0 && value < bound;
      }),
    );
  });

  it("draws uniform numbers below 1 that are exact in f32", () => {
    const stream = new PhiloxStream(3, streams.dropout);
    let sum = 0;
    for (let draw = 0; draw < 10_000; draw++) {
      const value = stream.uniform();
      expect(Math.fround(value)).toBe(value);
      expect(value >= 0 && value < 1).toBe(true);
      sum += value;
    }
    // Standard error of the mean: 0.0029.
    expect(Math.abs(sum / 10_000 - 0.5)).toBeLessThan(0.012);
  });
});

describe("the hash of a name", () => {
  // Published test vectors of FNV-1a, 32 bits (Noll).
  it.each([
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["foobar", 0xbf9cf968],
  ])("of %j equals FNV-1a", (name, hash) => {
    expect(hashName(name)).toBe(hash);
  });
});
