import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checksumOf } from "../../../src/collective/index.js";
import { Checksum } from "../../../src/collective/checksum.js";

/** The definition in coxswain.proto, word by word. */
function definition(bytes: Uint8Array): number {
  const padded = new Uint8Array(Math.ceil(bytes.length / 16) * 16);
  padded.set(bytes);
  const words = new DataView(padded.buffer);
  const sums = new Uint32Array(8);
  for (let at = 0; at < padded.length; at += 4) {
    const word = words.getUint32(at, true);
    const lane = (at / 4) % 4;
    sums[lane]! += word;
    sums[4 + lane]! += Math.imul(word, Math.floor(at / 16) + 1);
  }
  return sums.reduce((hash, word) => {
    const mixed = Math.imul(hash ^ word, 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }, bytes.length);
}

const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 197 + (at >> 8)) % 256);

describe("the checksum detects a chunk damaged in transit", () => {
  it.each([0, 1, 15, 16, 17, 16383, 16384, 16385, 100_000])("equals the definition for %d bytes", (length) => {
    expect(checksumOf(pattern(length))).toBe(definition(pattern(length)));
  });

  it("is independent of how the bytes are split", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, fc.integer({ min: 0, max: 40_000 }), (places, length) => {
        const bytes = pattern(length);
        const bounds = [0, ...places.map((place) => Math.min(place, length)), length].sort((a, b) => a - b);
        const checksum = new Checksum();
        bounds.slice(1).forEach((end, index) => checksum.take(bytes.subarray(bounds[index], end)));
        expect(checksum.finish()).toBe(checksumOf(bytes));
      }),
    );
  });

  it("detects a changed byte, swapped words and bytes lost at the end", () => {
    const bytes = fc.uint8Array({ minLength: 40, maxLength: 300 });
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(), (sent, place, change, lost) => {
        const changed = sent.slice();
        changed[place % sent.length]! ^= change;
        expect(checksumOf(changed)).not.toBe(checksumOf(sent));

        const swapped = sent.slice();
        swapped.set(sent.subarray(0, 16), 16);
        swapped.set(sent.subarray(16, 32), 0);
        const isSame = swapped.every((byte, at) => byte === sent[at]);
        expect(checksumOf(swapped) === checksumOf(sent)).toBe(isSame);

        const shorter = sent.subarray(0, sent.length - 1 - (lost % 16));
        expect(checksumOf(shorter)).not.toBe(checksumOf(sent));
      }),
    );
  });

  it("is independent of an earlier abandoned checksum", () => {
    const first = new Checksum();
    const second = new Checksum();
    first.take(pattern(100));
    second.take(pattern(50));
    first.take(pattern(200).subarray(100));
    expect(first.finish()).toBe(checksumOf(pattern(200)));
    expect(second.finish()).toBe(checksumOf(pattern(50)));
    expect(checksumOf(new Uint8Array(0))).toBe(definition(new Uint8Array(0)));
  });
});
