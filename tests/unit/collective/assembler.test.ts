import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Assembler,
  bytesOf,
  chunksOf,
  decodeChunk,
  encodeChunk,
  floatsOf,
  type Chunk,
} from "../../../src/collective/index.js";
import { errorOf } from "../../support/errors.js";

const object = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 37) % 251);

describe("an object arrives as it was sent", () => {
  it("for every size of object and chunk, through the codec", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 200 }), (bytes, size) => {
        const assembler = new Assembler(bytes.length);
        for (const chunk of chunksOf(bytes, size)) {
          expect(assembler.complete).toBe(false);
          assembler.add(decodeChunk(encodeChunk(chunk)));
        }
        expect(assembler.complete).toBe(true);
        expect([...assembler.finish()]).toEqual([...bytes]);
      }),
    );
  });

  it("in a given buffer", () => {
    const floats = new Float32Array(3);
    const assembler = new Assembler(12, bytesOf(floats));
    for (const chunk of chunksOf(bytesOf(Float32Array.of(1, 2, 3)), 5)) assembler.add(chunk);
    assembler.finish();
    expect([...floats]).toEqual([1, 2, 3]);
    expect(errorOf(() => new Assembler(12, new Uint8Array(11))).code).toBe("bug");
  });
});

describe("a damaged or malicious transfer is rejected", () => {
  const chunks = [...chunksOf(object(10), 4)] as [Chunk, Chunk, Chunk];
  const sent = (...parts: readonly Chunk[]): Assembler => {
    const assembler = new Assembler(10);
    for (const part of parts) assembler.add(part);
    return assembler;
  };

  it.each([
    ["a gap", [chunks[0], chunks[2]], "received offset 8, expected 4"],
    ["a repetition", [chunks[0], chunks[0]], "received offset 0, expected 4"],
    ["another size", [{ ...chunks[0], total: 11 }], "11 bytes were offered, 10 were expected"],
    ["a size of terabytes", [{ ...chunks[0], total: 2 ** 42 }], "4398046511104 bytes"],
    ["another size later", [chunks[0], { ...chunks[1], total: 9 }], "9 bytes were offered"],
    ["damage", [{ ...chunks[0], payload: Uint8Array.of(0, 37, 74, 112) }], "bytes before 4 were damaged"],
    ["a wrong checksum", [{ ...chunks[0], crc32: chunks[0].crc32 ^ 1 }], "damaged"],
    [
      "more than the object",
      [chunks[0], ...chunksOf(object(10), 7)].slice(0, 1).concat({ ...chunks[1], payload: object(7) }),
      "exceed the size 10",
    ],
    ["empty chunks without end", [chunks[0], { ...chunks[1], payload: new Uint8Array(0), crc32: 0 }], "an empty chunk"],
    [
      "data after the end",
      [...chunks, { ...chunks[2], offset: 10, payload: new Uint8Array(0), crc32: 0 }],
      "data after all",
    ],
  ])("%s", (_name, parts, message) => {
    const error = errorOf(() => sent(...parts));
    expect(error.code).toBe("network");
    expect(error.message).toContain(message);
  });

  it("an object that ends early, or never begins", () => {
    expect(errorOf(() => sent(chunks[0], chunks[1]).finish()).message).toContain("after 8 of 10 bytes");
    expect(errorOf(() => sent().finish()).code).toBe("network");
    expect(errorOf(() => new Assembler(0).finish()).code).toBe("network");
  });

  it("data after an empty object", () => {
    const assembler = new Assembler(0);
    const [empty] = [...chunksOf(new Uint8Array(0))];
    assembler.add(empty!);
    expect(assembler.finish()).toHaveLength(0);
    expect(errorOf(() => assembler.add(empty!)).message).toContain("data after all");
  });
});

describe("vectors keep their bits on the wire", () => {
  it("are views if aligned, and copies otherwise", () => {
    const buffer = new Uint8Array(17);
    bytesOf(Float32Array.of(1.5, -0)).forEach((byte, index) => {
      buffer[4 + index] = byte;
      buffer[9 + index] = byte;
    });
    const aligned = floatsOf(buffer.subarray(4, 12));
    expect(aligned.buffer).toBe(buffer.buffer);
    const copied = floatsOf(Uint8Array.from([0, ...bytesOf(Float32Array.of(1.5, -0))]).subarray(1));
    expect([...copied]).toEqual([1.5, -0]);
    expect(copied.byteOffset).toBe(0);
    expect(floatsOf(new Uint8Array(0))).toHaveLength(0);
  });

  it("are views of the vector when sent", () => {
    const vector = Float32Array.of(1, 2, 3, 4);
    expect(bytesOf(vector.subarray(1, 3))).toHaveLength(8);
    expect(bytesOf(vector.subarray(1, 3)).buffer).toBe(vector.buffer);
  });

  it("are rejected if cut inside a number", () => {
    expect(errorOf(() => floatsOf(new Uint8Array(7))).code).toBe("network");
  });
});
