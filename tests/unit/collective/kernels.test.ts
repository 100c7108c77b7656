import { describe, expect, it } from "vitest";
import {
  addBf16Into,
  addBf16RoundedTo,
  addInto,
  addRoundedTo,
  adamwElements,
  fromBf16,
  roundToBf16,
  scaleInPlace,
  squareSumBlock,
  squareSums,
  toBf16,
  type AdamwConstants,
  type AdamwVectors,
} from "../../../src/collective/index.js";
import { CoxswainError } from "../../../src/errors.js";
import { awkwardFloats, bitsOf, gradientLike, referenceAdamw, referenceAdd, referenceSquareSum } from "./reference.js";

/** Empty, below and above a SIMD vector, and around the 4096 elements of a block. */
const lengths = [0, 1, 3, 4, 7, 8, 9, 4095, 4096, 4097, 8192, 10_001];

const f32 = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!;

describe("sums have the same bits on every machine", () => {
  it.each(lengths)("adds %d elements of every kind like f32 addition", (length) => {
    const into = awkwardFloats(length, 1);
    const from = awkwardFloats(length, 2);
    const expected = into.slice();
    referenceAdd(expected, from);
    const before = bitsOf(from);
    addInto(into, from);
    expect(bitsOf(into)).toEqual(bitsOf(expected));
    expect(bitsOf(from)).toEqual(before);
  });

  it("keeps subnormals", () => {
    const tiny = f32(1);
    const into = Float32Array.of(tiny, -tiny, f32(0x007fffff), tiny);
    addInto(into, Float32Array.of(tiny, tiny, tiny, -0));
    expect(bitsOf(into)).toEqual([2, 0, 0x00800000, 1]);
  });

  it("scales by the factor rounded to f32", () => {
    const vector = awkwardFloats(5000, 3);
    const expected = vector.map((value) => Math.fround(value * Math.fround(0.1)));
    scaleInPlace(vector, 0.1);
    expect(bitsOf(vector)).toEqual(bitsOf(expected));
  });

  it("does not change the rest of a larger buffer", () => {
    const buffer = new Float32Array(5000).fill(7);
    const part = buffer.subarray(1, 4500);
    addInto(part, new Float32Array(part.length).fill(1));
    scaleInPlace(part, 2);
    expect([buffer[0], buffer[1], buffer[4499], buffer[4500], buffer[4999]]).toEqual([7, 16, 16, 7, 7]);
  });

  it("rejects vectors of different lengths", () => {
    const [two, three] = [new Float32Array(2), new Float32Array(3)];
    expect(() => addInto(two, three)).toThrow("2, 3");
    expect(() => addBf16Into(two, new Uint16Array(3))).toThrow(CoxswainError);
    expect(() => addBf16RoundedTo(two, two, new Uint8Array(6))).toThrow(CoxswainError);
    expect(() => addRoundedTo(two, two, three)).toThrow("2, 2, 3");
    expect(() => fromBf16(new Uint8Array(5), two)).toThrow(CoxswainError);
    expect(() => toBf16(two, new Uint16Array(3))).toThrow(CoxswainError);
  });
});

describe("the norm is independent of how slices are distributed", () => {
  it.each(lengths)("sums the squares of %d elements in its documented order", (length) => {
    const vector = gradientLike(length, 4);
    const sums = squareSums(vector);
    expect(sums).toHaveLength(Math.ceil(length / squareSumBlock));
    sums.forEach((sum, index) => {
      const block = vector.subarray(index * squareSumBlock, (index + 1) * squareSumBlock);
      expect(sum).toBe(referenceSquareSum(block));
    });
  });

  it("gives a slice at a block boundary the same sums as the whole", () => {
    const vector = gradientLike(5 * squareSumBlock + 123, 5);
    const cut = 2 * squareSumBlock;
    expect([...squareSums(vector.subarray(0, cut)), ...squareSums(vector.subarray(cut))]).toEqual([
      ...squareSums(vector),
    ]);
  });

  it("represents the squares of the largest and the smallest f32", () => {
    const largest = f32(0x7f7fffff);
    expect(squareSums(Float32Array.of(largest, 0, 0, 0, largest))[0]).toBe(2 * largest * largest);
    expect(squareSums(Float32Array.of(f32(1)))[0]).toBe(2 ** -298);
    expect(squareSums(Float32Array.of(1, Number.NaN))[0]).toBeNaN();
    expect(squareSums(Float32Array.of(1, Infinity))[0]).toBe(Infinity);
  });
});

describe("bfloat16 on the wire is the nearest bfloat16", () => {
  it("rounds to nearest, ties to even", () => {
    // [f32 bits, bf16 bits]: exact, below, at and above a tie (even and odd), carry into the exponent, overflow.
    const table: [number, number][] = [
      [0x3f800000, 0x3f80],
      [0x3f807fff, 0x3f80],
      [0x3f808000, 0x3f80],
      [0x3f808001, 0x3f81],
      [0x3f817fff, 0x3f81],
      [0x3f818000, 0x3f82],
      [0xbf818000, 0xbf82],
      [0x3fffffff, 0x4000],
      [0x7f7fffff, 0x7f80],
      [0x7f800000, 0x7f80],
      [0xff800000, 0xff80],
      [0x00000000, 0x0000],
      [0x80000000, 0x8000],
      [0x00000001, 0x0000],
      [0x00008001, 0x0001],
      [0x007fffff, 0x0080],
    ];
    const from = new Float32Array(Uint32Array.from(table, ([bits]) => bits).buffer);
    const to = new Uint16Array(from.length);
    toBf16(from, to);
    expect([...to]).toEqual(table.map(([, bits]) => bits));
  });

  it("keeps NaNs, whatever their payload", () => {
    const bits = Uint32Array.of(0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff);
    const to = new Uint16Array(bits.length);
    toBf16(new Float32Array(bits.buffer), to);
    for (const half of to) expect(f32(half * 0x10000)).toBeNaN();
  });

  it.each(lengths)("rounds and adds %d elements like arithmetic on bits", (length) => {
    const from = awkwardFloats(length, 6);
    const halves = new Uint16Array(length);
    toBf16(from, halves);
    const bits = new Uint32Array(from.buffer);
    const expected = Array.from(bits, (word, index) => {
      if (Number.isNaN(from[index])) return (word >>> 16) | 0x40;
      // By arithmetic: the lower half decides; at exactly a half, the lowest bit that is kept.
      const low = word & 0xffff;
      const up = low > 0x8000 || (low === 0x8000 && ((word >>> 16) & 1) === 1);
      return (word >>> 16) + (up ? 1 : 0);
    });
    expect([...halves]).toEqual(expected);

    const into = awkwardFloats(length, 7);
    const sum = into.slice();
    referenceAdd(sum, new Float32Array(Uint32Array.from(halves, (half) => half * 0x10000).buffer));
    addBf16Into(into, halves);
    expect(bitsOf(into)).toEqual(bitsOf(sum));
  });

  it.each(lengths)("rounds %d elements in place, and their sums, as for the wire", (length) => {
    const rounded = (vector: Float32Array): Float32Array => {
      const halves = new Uint16Array(length);
      toBf16(vector, halves);
      return new Float32Array(Uint32Array.from(halves, (half) => half * 0x10000).buffer);
    };
    const [left, right] = [awkwardFloats(length, 8), awkwardFloats(length, 9)];
    const inPlace = left.slice();
    roundToBf16(inPlace);
    expect(bitsOf(inPlace)).toEqual(bitsOf(rounded(left)));

    const sum = left.slice();
    referenceAdd(sum, right);
    const to = new Float32Array(length);
    addRoundedTo(to, left, right);
    expect(bitsOf(to)).toEqual(bitsOf(rounded(sum)));

    const halves = new Uint16Array(length);
    toBf16(right, halves);
    // At an odd address, as in the middle of a message.
    const bytes = Uint8Array.from([0, ...new Uint8Array(halves.buffer)]).subarray(1);
    const wide = new Float32Array(length);
    fromBf16(bytes, wide);
    expect(bitsOf(wide)).toEqual(bitsOf(rounded(right)));
    addRoundedTo(to, left, wide);
    const before = bitsOf(left);
    const fused = new Float32Array(length);
    addBf16RoundedTo(fused, left, bytes);
    expect(bitsOf(fused)).toEqual(bitsOf(to));
    expect(bitsOf(left)).toEqual(before);
    addRoundedTo(left, left, wide);
    expect(bitsOf(left)).toEqual(bitsOf(to));
  });
});

describe("replicas apply the same update to the bit", () => {
  const constants: AdamwConstants = {
    scale: 1 / 170,
    decay: 1 - 2e-4 * 0.01,
    lerpFromGradient: false,
    lerp: 1 - 0.9,
    beta2: 0.999,
    oneMinusBeta2: 1 - 0.999,
    correction2: Math.sqrt(1 - 0.999 ** 3),
    epsilon: 1e-8,
    minusStepSize: -2e-4 / (1 - 0.9 ** 3),
  };
  const vectors = (make: (length: number, seed: number) => Float32Array, length: number): AdamwVectors => ({
    parameters: make(length, 10),
    m: make(length, 11),
    v: make(length, 12).map(Math.abs),
    gradients: make(length, 13),
  });
  const copyOf = ({ parameters, m, v, gradients }: AdamwVectors): AdamwVectors => ({
    parameters: parameters.slice(),
    m: m.slice(),
    v: v.slice(),
    gradients: gradients.slice(),
  });
  const bits = ({ parameters, m, v, gradients }: AdamwVectors): number[][] => [parameters, m, v, gradients].map(bitsOf);

  it.each(lengths)("computes AdamW on %d elements like plain f32 arithmetic", (length) => {
    for (const make of [gradientLike, awkwardFloats]) {
      for (const lerpFromGradient of [false, true]) {
        const variant = { ...constants, lerpFromGradient, lerp: lerpFromGradient ? -0.3 : constants.lerp };
        const actual = vectors(make, length);
        const expected = copyOf(actual);
        referenceAdamw(expected, variant, 0, length);
        adamwElements(actual, variant, 0, length);
        expect(bits(actual)).toEqual(bits(expected));
      }
    }
  });

  it("gives slices, applied separately and in any order, the bits of the whole", () => {
    const length = 10_001;
    const whole = vectors(gradientLike, length);
    const sliced = copyOf(whole);
    adamwElements(whole, constants, 0, length);
    for (const [from, to] of [
      [4096, 10_001],
      [0, 1],
      [1, 1],
      [1, 4096],
    ] as const) {
      adamwElements(sliced, constants, from, to);
    }
    expect(bits(sliced)).toEqual(bits(whole));
  });

  it("rejects a range beyond the vectors, and mismatched vectors", () => {
    const some = vectors(gradientLike, 8);
    expect(() => adamwElements(some, constants, 0, 9)).toThrow(CoxswainError);
    expect(() => adamwElements(some, constants, -1, 8)).toThrow(CoxswainError);
    expect(() => adamwElements(some, constants, 5, 4)).toThrow(CoxswainError);
    expect(() => adamwElements({ ...some, m: new Float32Array(7) }, constants, 0, 7)).toThrow("8, 7");
  });
});
