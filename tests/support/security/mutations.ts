/** Bytes that are nearly right: random changes of a valid file, the same ones for the same seed. */
import { randomInt } from "node:crypto";

/** Given to repeat a failure, with the number of the case. */
export const seed = Number(process.env["COXSWAIN_FUZZ_SEED"] ?? randomInt(2 ** 31));

/** Cases per reader. */
export const cases = Number(process.env["COXSWAIN_FUZZ_CASES"] ?? 150);

/** Random numbers in [0, 1): mulberry32. */
export function randomOf(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What breaks readers: limits of numbers, brackets, quotes, control characters, invalid UTF-8. */
const pieces = [
  ..."0 -1 1e999 1e9 18446744073709551615 9007199254740993 null true [] {} [[ {{ }} %} {% \" ' \\ , : | . \n \r\n \t".split(
    " ",
  ),
  " ",
  "__proto__",
  "\u0000",
  "\u202e",
  "{% for a in range(99999) %}",
  "{{ x * 99999999 }}",
  "(a+)+$",
  "\\u0000",
  "&a *a",
  "!!js/function",
].map((text) => Buffer.from(text));
const bytes = [Buffer.from([0xff]), Buffer.from([0xc3]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.alloc(8, 0xff)];

/** One to four changes. */
export function mutated(original: Buffer, random: () => number): Buffer {
  let changed = original;
  const below = (most: number): number => Math.floor(random() * most);
  for (let left = 1 + below(4); left > 0; left--) {
    const at = below(changed.length + 1);
    const end = Math.min(changed.length, at + below(below(2) === 0 ? 8 : 200));
    const before = changed.subarray(0, at);
    const piece = [...pieces, ...bytes][below(pieces.length + bytes.length)] ?? Buffer.alloc(0);
    switch (below(6)) {
      case 0:
        changed = Buffer.concat([before, Buffer.from([below(256)]), changed.subarray(at + 1)]);
        break;
      case 1:
        changed = Buffer.concat([before, changed.subarray(end)]);
        break;
      case 2:
        changed = Buffer.concat([before, changed.subarray(at, end), changed.subarray(at)]);
        break;
      case 3:
        changed = Buffer.concat([before, piece, changed.subarray(at)]);
        break;
      case 4:
        changed = Buffer.concat([before, piece, changed.subarray(end)]);
        break;
      default:
        changed = below(10) === 0 ? before : Buffer.concat([before, changed.subarray(at)]);
    }
  }
  return changed;
}
