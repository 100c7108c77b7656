import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  VectorAssembler,
  addTo,
  checksumOf,
  decodeChunk,
  encodeChunk,
  roundToBf16,
  vectorBytes,
  vectorChecksum,
  vectorChunks,
  type Chunk,
  type VectorDtype,
} from "../../../src/collective/index.js";
import { CoxswainError } from "../../../src/errors.js";
import { errorOf } from "../../support/errors.js";
import { awkwardFloats, bitsOf, gradientLike } from "./reference.js";

const dtypes: readonly VectorDtype[] = ["float32", "bfloat16"];
const dtypeOf = fc.constantFrom(...dtypes);

const rounded = (vector: Float32Array, dtype: VectorDtype): Float32Array => {
  const copy = vector.slice();
  if (dtype === "bfloat16") roundToBf16(copy);
  return copy;
};

/** Through the codec, as between processes; at an odd address where `shift` is. */
function carried(chunk: Chunk, shift = 0): Chunk {
  const message = encodeChunk(chunk);
  const moved = Buffer.alloc(message.length + shift);
  moved.set(message, shift);
  return decodeChunk(moved.subarray(shift));
}

describe("a vector arrives as the values that were sent", () => {
  it("for every length, chunk size and alignment, exactly or as the nearest bfloat16", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 300 }),
        fc.integer({ min: 1, max: 64 }),
        dtypeOf,
        fc.nat({ max: 3 }),
        fc.nat(),
        (length, elements, dtype, shift, seed) => {
          const vector = awkwardFloats(length + 2, seed).subarray(1, length + 1);
          const buffer = new Float32Array(length + 2).fill(7);
          const assembler = new VectorAssembler(buffer.subarray(1, length + 1), dtype);
          for (const chunk of vectorChunks(vector, dtype, elements * 4)) {
            expect(assembler.complete).toBe(false);
            expect(chunk.total).toBe(vectorBytes(length, dtype));
            assembler.add(carried(chunk, shift));
          }
          const checksum = assembler.finish();
          // Of the whole vector, unless a chunk ends inside a lane of 16 bytes.
          if (elements % 8 === 0) expect(checksum).toBe(vectorChecksum(vector, dtype));
          else expect([undefined, vectorChecksum(vector, dtype)]).toContain(checksum);
          expect(bitsOf(buffer.subarray(1, length + 1))).toEqual(bitsOf(rounded(vector, dtype)));
          expect([buffer[0], buffer[length + 1]]).toEqual([7, 7]);
        },
      ),
    );
  });

  it("added to another while it arrives, with the same bits as adding it afterwards", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), dtypeOf, fc.nat({ max: 3 }), (length, dtype, shift) => {
        const vector = rounded(gradientLike(length, 1), dtype);
        const addend = rounded(gradientLike(length, 2), dtype);
        const expected = new Float32Array(length);
        addTo(expected, addend, vector);
        const into = new Float32Array(length);
        const before = bitsOf(addend);
        const assembler = new VectorAssembler(into, dtype, addend);
        for (const chunk of vectorChunks(vector, dtype, 64)) assembler.add(carried(chunk, shift));
        assembler.finish();
        expect(bitsOf(into)).toEqual(bitsOf(rounded(expected, dtype)));
        expect(bitsOf(addend)).toEqual(before);
      }),
    );
    expect(errorOf(() => new VectorAssembler(new Float32Array(3), "float32", new Float32Array(4))).code).toBe("bug");
  });

  it("in chunks that fit into a cache: float32 as views, bfloat16 in half the bytes", () => {
    const most = 256 * 1024;
    const vector = gradientLike(most / 4 + 5, 3);
    const exact = [...vectorChunks(vector, "float32")];
    expect(exact.map(({ payload }) => payload.length)).toEqual([most, 20]);
    expect(exact.every(({ payload }) => payload.buffer === vector.buffer)).toBe(true);
    expect([...vectorChunks(vector, "bfloat16")].map(({ payload }) => payload.length)).toEqual([most / 2 + 10]);
  });
});

describe("a damaged or malicious vector is rejected", () => {
  const length = 8;
  const first = (dtype: VectorDtype): Chunk => [...vectorChunks(gradientLike(length, 4), dtype, 8)][0]!;
  const cut = (chunk: Chunk, bytes: number): Chunk => {
    const payload = chunk.payload.subarray(0, bytes);
    return { ...chunk, payload, checksum: checksumOf(payload) };
  };
  const added = (dtype: VectorDtype, ...chunks: readonly Chunk[]): VectorAssembler => {
    const assembler = new VectorAssembler(new Float32Array(length), dtype);
    for (const chunk of chunks) assembler.add(chunk);
    return assembler;
  };

  it.each(dtypes)("as %s: sent as the other type", (dtype) => {
    const other = dtype === "float32" ? "bfloat16" : "float32";
    const error = errorOf(() => added(dtype, first(other)));
    expect(error.code).toBe("network");
    expect(error.message).toContain("were expected");
  });

  it.each(dtypes)("as %s: gaps, damage, splits inside an element, an early end", (dtype) => {
    const chunk = first(dtype);
    expect(errorOf(() => added(dtype, { ...chunk, offset: 4 })).message).toContain("received offset");
    expect(errorOf(() => added(dtype, { ...chunk, checksum: chunk.checksum! ^ 1 })).message).toContain("damaged");
    expect(errorOf(() => added(dtype, cut(chunk, 7))).message).toContain("inside an element");
    expect(errorOf(() => added(dtype, cut(chunk, 0))).message).toContain("an empty chunk");
    expect(errorOf(() => added(dtype, chunk).finish()).message).toContain("a transfer ended after 8 of");
  });

  it("any input either arrives exactly as sent or raises an error", () => {
    const vector = gradientLike(length, 5);
    const field = fc.oneof(fc.nat({ max: 40 }), fc.maxSafeNat());
    const hostile = fc.record({
      offset: field,
      total: field,
      crc32: fc.nat(),
      payload: fc.uint8Array({ maxLength: 40 }),
    });
    const choice = fc.oneof(
      fc.nat({ max: 3 }),
      hostile,
      hostile.map((chunk) => ({ ...chunk, checksum: chunk.crc32 })),
      hostile.map((chunk) => ({ ...chunk, checksum: checksumOf(chunk.payload) })),
    );
    fc.assert(
      fc.property(dtypeOf, fc.array(choice, { maxLength: 8 }), (dtype, choices) => {
        const honest = [...vectorChunks(vector, dtype, 8)];
        const buffer = new Float32Array(length + 1).fill(7);
        const assembler = new VectorAssembler(buffer.subarray(0, length), dtype);
        try {
          for (const choice of choices) {
            const chunk = typeof choice === "number" ? honest[choice] : choice;
            if (chunk !== undefined) assembler.add(chunk);
          }
          assembler.finish();
          expect(bitsOf(buffer.subarray(0, length))).toEqual(bitsOf(rounded(vector, dtype)));
        } catch (error) {
          expect(error).toBeInstanceOf(CoxswainError);
        }
        expect(buffer[length]).toBe(7);
      }),
    );
  });
});
