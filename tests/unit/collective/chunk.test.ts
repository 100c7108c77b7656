import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chunksOf,
  decodeChunk,
  encodeChunk,
  maxPayload,
  payloadOffset,
  type Chunk,
} from "../../../src/collective/index.js";
import { CoxswainError } from "../../../src/errors.js";
import { errorOf } from "../../support/errors.js";

/** protobufjs's own codec of the message, made from the protocol file. */
const { responseSerialize, responseDeserialize } = (
  loadSync("coxswain/v1/coxswain.proto", {
    includeDirs: [fileURLToPath(new URL("../../../proto", import.meta.url))],
    longs: Number,
    defaults: true,
  })["coxswain.v1.Coordinator"] as ServiceDefinition
)["PullReduced"]!;
const referenceEncode = responseSerialize as (chunk: object) => Buffer;
const referenceDecode = (message: Buffer): object => plain(responseDeserialize(message) as Chunk);

const chunks: fc.Arbitrary<Chunk> = fc
  .record({
    offset: fc.maxSafeNat(),
    total: fc.maxSafeNat(),
    payload: fc.uint8Array({ maxLength: 300 }),
    pull: fc.nat({ max: 2 ** 32 - 1 }),
  })
  .map((fields) => ({ ...fields, crc32: crc32(fields.payload) }));

/** For comparison: the payload as hex, because comparing large buffers byte by byte takes seconds. */
const plain = ({ offset, total, crc32: checksum, payload, pull = 0, refusal = "" }: Chunk): object => ({
  offset,
  total,
  crc32: checksum,
  payload: Buffer.from(payload).toString("hex"),
  pull,
  refusal,
});

describe("a chunk is the protocol's message", () => {
  it("can be decoded by protobufjs", () => {
    fc.assert(
      fc.property(chunks, (chunk) => {
        expect(referenceDecode(encodeChunk(chunk))).toEqual(plain(chunk));
      }),
    );
  });

  it("decodes the output of protobufjs", () => {
    fc.assert(
      fc.property(chunks, (chunk) => {
        expect(plain(decodeChunk(referenceEncode(chunk)))).toEqual(plain(chunk));
      }),
    );
  });

  it("carries the reason of a refusal, in any characters, truncated if too long", () => {
    const texts = fc.tuple(fc.string({ unit: "binary", maxLength: 300 }), fc.nat({ max: 2 ** 32 - 1 }));
    fc.assert(
      fc.property(texts, ([refusal, pull]) => {
        const chunk = { offset: 0, total: 0, crc32: 0, payload: new Uint8Array(0), pull, refusal };
        const message = encodeChunk(chunk);
        const sent = Buffer.from(refusal.slice(0, 256)).toString();
        expect(plain(decodeChunk(message))).toEqual(plain({ ...chunk, refusal: sent }));
        expect(referenceDecode(message)).toEqual(plain({ ...chunk, refusal: sent }));
      }),
    );
  });

  it("has its payload at byte 32, whatever its size", () => {
    for (const length of [0, 1, 127, 128, 16_383, 16_384, maxPayload]) {
      const payload = new Uint8Array(length).fill(0xa5);
      const chunk = { offset: 1, total: 2 ** 53 - 1, crc32: crc32(payload), payload };
      const message = encodeChunk(chunk);
      expect(message).toHaveLength(payloadOffset + length);
      expect(message.subarray(32).equals(payload)).toBe(true);
      expect(plain(decodeChunk(message))).toEqual(plain(chunk));
      expect(referenceDecode(message)).toEqual(plain(chunk));
    }
  });

  it("is decoded without a copy", () => {
    const message = encodeChunk({ offset: 0, total: 3, crc32: 0, payload: Uint8Array.of(1, 2, 3) });
    const { payload } = decodeChunk(message);
    message[33] = 9;
    expect([...payload]).toEqual([1, 9, 3]);
  });

  it("is not encoded when it is too large", () => {
    const payload = new Uint8Array(maxPayload + 1);
    expect(errorOf(() => encodeChunk({ offset: 0, total: 1, crc32: 0, payload })).code).toBe("bug");
  });
});

/** Encodings by hand: https://protobuf.dev/programming-guides/encoding */
const message = (...bytes: number[]): Buffer => Buffer.from(bytes);
const offset5 = [0x09, 5, 0, 0, 0, 0, 0, 0, 0];
const total6 = [0x11, 6, 0, 0, 0, 0, 0, 0, 0];
const checksum7 = [0x1d, 7, 0, 0, 0];
const payload12 = [0x22, 2, 1, 2];
const whole = { offset: 5, total: 6, crc32: 7, payload: "0102", pull: 0, refusal: "" };

describe("any valid encoding of the message is accepted", () => {
  it.each([
    ["fields in another order", [...payload12, ...checksum7, ...total6, ...offset5]],
    ["the last of a repeated field", [...offset5, ...payload12, 0x22, 1, 9, ...payload12, ...total6, ...checksum7]],
    ["a length of five bytes", [...offset5, ...total6, ...checksum7, 0x22, 0x82, 0x80, 0x80, 0x80, 0, 1, 2]],
    [
      "an unknown varint of 64 bits",
      [...offset5, 0x28, ...Array<number>(9).fill(0xff), 1, ...total6, ...checksum7, ...payload12],
    ],
    [
      "unknown fixed64, fixed32 and bytes",
      [
        0x29,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        0x2d,
        1,
        2,
        3,
        4,
        0x2a,
        3,
        1,
        1,
        1,
        ...offset5,
        ...total6,
        ...checksum7,
        ...payload12,
      ],
    ],
    // Group 5 with a varint and group 6 (with fixed32) inside.
    [
      "unknown groups",
      [0x2b, 0x08, 1, 0x33, 0x15, 1, 2, 3, 4, 0x34, 0x2c, ...offset5, ...total6, ...checksum7, ...payload12],
    ],
  ])("%s", (_name, bytes) => {
    expect(plain(decodeChunk(message(...bytes)))).toEqual(whole);
  });

  it("absent fields are zero", () => {
    expect(plain(decodeChunk(message()))).toEqual({ ...whole, offset: 0, total: 0, crc32: 0, payload: "" });
  });
});

describe("a malformed or hostile message is an error, not a crash", () => {
  it.each([
    ["cut inside a fixed64", offset5.slice(0, 8)],
    ["cut inside a fixed32", checksum7.slice(0, 3)],
    ["cut after a tag", [0x22]],
    ["cut inside a payload", [0x22, 3, 1, 2]],
    ["a length that is cut", [0x22, 0x80]],
    ["a length far beyond the message", [0x22, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["a length of 2^63", [0x22, ...Array<number>(9).fill(0x80), 1]],
    ["a length of six bytes", [0x22, 0x82, 0x80, 0x80, 0x80, 0x80, 0, 1, 2]],
    ["a tag of six bytes", [0xfd, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0, 0]],
    ["an offset beyond 2^53", [0x09, 0, 0, 0, 0, 0, 0, 0x20, 0]],
    ["field number 0", [0x00, 1]],
    ["a field number beyond 2^29", [0xf8, 0xff, 0xff, 0xff, 0x7f, 1]],
    ["an unknown wire type", [0x2f, 1]],
    ["a known field of another type", [0x08, 5]],
    ["a number of another type", [0x60, 5]],
    ["a refusal with a payload", [0x6a, 2, 0x6e, 0x6f, ...payload12]],
    ["a refusal of 1025 bytes", [0x6a, 0x81, 8, ...Array<number>(1025).fill(0x6e)]],
    ["the end of a group that never began", [0x2c]],
    ["the end of another group", [0x2b, 0x34]],
    ["a group that never ends", [0x2b, 0x08, 1]],
    ["an unknown varint of eleven bytes", [0x28, ...Array<number>(10).fill(0xff), 1]],
  ])("%s", (_name, bytes) => {
    expect(errorOf(() => decodeChunk(message(...bytes))).code).toBe("network");
  });

  it("a payload beyond 1 MiB", () => {
    const large = Buffer.concat([message(0x22, 0x81, 0x80, 0x40), Buffer.alloc(maxPayload + 1)]);
    expect(errorOf(() => decodeChunk(large)).message).toContain("1048577");
  });

  it("groups nested a million deep", () => {
    expect(errorOf(() => decodeChunk(Buffer.alloc(1_000_000, 0x2b))).code).toBe("network");
  });

  it("random bytes, and valid messages with bytes changed, lost or added", () => {
    const broken = fc
      .tuple(
        chunks,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        fc.uint8Array({ maxLength: 8 }),
      )
      .map(([chunk, changes, length, tail]) => {
        const bytes = encodeChunk(chunk);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return Buffer.concat([bytes.subarray(0, length % (bytes.length + 1)), tail]);
      });
    const inputs = fc.oneof(
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
      broken,
    );
    fc.assert(
      fc.property(inputs, (bytes) => {
        try {
          const { offset, total, payload } = decodeChunk(bytes);
          expect(Number.isSafeInteger(offset) && Number.isSafeInteger(total)).toBe(true);
          expect(payload.length).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          if (!(error instanceof CoxswainError) || error.code !== "network") throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("never decodes a message differently than protobufjs", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 48 }), (bytes) => {
        let ours: Chunk;
        try {
          ours = decodeChunk(Buffer.from(bytes));
        } catch {
          // We refuse more than protobufjs does: a known field of another type, numbers beyond 2^53.
          return;
        }
        expect(referenceDecode(Buffer.from(bytes))).toEqual(plain(ours));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("an object is split into chunks", () => {
  it("covers the object in order, with views and checksums", () => {
    const object = Uint8Array.from({ length: 10 }, (_, index) => index);
    const parts = [...chunksOf(object, 4)];
    expect(parts.map(({ offset, total, payload }) => [offset, total, [...payload]])).toEqual([
      [0, 10, [0, 1, 2, 3]],
      [4, 10, [4, 5, 6, 7]],
      [8, 10, [8, 9]],
    ]);
    for (const part of parts) {
      expect(part.payload.buffer).toBe(object.buffer);
      expect(part.crc32).toBe(crc32(part.payload));
    }
    expect([...chunksOf(object, 5)]).toHaveLength(2);
    expect([...chunksOf(new Uint8Array(2 * maxPayload))].map(({ payload }) => payload.length)).toEqual([
      maxPayload,
      maxPayload,
    ]);
  });

  it("represents an empty object too", () => {
    expect([...chunksOf(new Uint8Array(0))].map(plain)).toEqual([
      { offset: 0, total: 0, crc32: 0, payload: "", pull: 0, refusal: "" },
    ]);
  });
});
