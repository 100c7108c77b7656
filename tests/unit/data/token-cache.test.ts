import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openCachedTokens } from "../../../src/data/token-cache.js";
import type { TokenFileWriter } from "../../../src/data/token-files.js";
import { createTokenStore, fingerprintOf, tokensInMemory } from "../../../src/data/token-store.js";

let cacheDir: string;
beforeEach(() => (cacheDir = mkdtempSync(join(tmpdir(), "coxswain-tokens-"))));
afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

const lengths = [3, 1, 2_500_000, 2];
const total = lengths.reduce((sum, length) => sum + length, 0);
const ids = Int32Array.from({ length: total }, (_, index) => index);
const labels = Int32Array.from({ length: total }, (_, index) => (index % 3 === 0 ? -100 : index));
const memory = tokensInMemory(ids, labels, Int32Array.from(lengths));

let writes = 0;
async function write(writer: TokenFileWriter): Promise<{ readonly fingerprint: string }> {
  writes++;
  let start = 0;
  for (const length of lengths) {
    writer.append(ids.subarray(start, start + length), labels.subarray(start, start + length));
    start += length;
  }
  return { fingerprint: await fingerprintOf(writer.finish(), null) };
}
const open = (key: unknown = "a", now = Date.now()) => openCachedTokens({ cacheDir, key, now: () => now }, write);

/** Vitest compares large arrays slowly. */
const sameInts = (one: Int32Array, other: Int32Array): boolean =>
  one.length === other.length && one.every((item, index) => item === other[index]);

describe("tokens in the cache", () => {
  beforeEach(() => (writes = 0));

  it("are the same as in memory: lengths, rows and fingerprint", async () => {
    const { tokens, facts } = await open();
    expect(tokens.lengths).toEqual(memory.lengths);
    expect(facts.fingerprint).toBe(await fingerprintOf(memory, null));
    const statistics = { examples: 4, rows: 4, tokens: total, supervisedTokens: 1, truncated: 0 };
    const parts = { packing: null, statistics: { ...statistics, dropped: { nothing_supervised_after_cut: 0 } } };
    const [onDisk, inMemory] = [tokens, memory].map((each) =>
      createTokenStore({ ...parts, tokens: each, fingerprint: facts.fingerprint }),
    );
    for (let row = 0; row < lengths.length; row++) {
      const [one, other] = [onDisk!.row(row), inMemory!.row(row)];
      expect(one.segments).toEqual(other.segments);
      expect(sameInts(one.inputIds, other.inputIds) && sameInts(one.labels, other.labels)).toBe(true);
      expect(onDisk!.rowLength(row)).toBe(lengths[row]);
    }
    expect(() => onDisk!.row(4)).toThrow(RangeError);
  });

  it("are written once per key, and reused afterwards", async () => {
    expect((await open()).reused).toBe(false);
    expect((await open()).reused).toBe(true);
    expect((await open({ other: 1 })).reused).toBe(false);
    expect(writes).toBe(2);
  });

  it("are written again where they are damaged", async () => {
    const { folder } = await open();
    truncateSync(join(folder, "labels.i32"), 40);
    expect((await open()).reused).toBe(false);
    writeFileSync(join(folder, "facts.json"), "{");
    const again = await open();
    expect(again.reused).toBe(false);
    expect(again.tokens.read(total - 2, 2).ids).toEqual(ids.subarray(total - 2));
  });

  it("leave nothing behind when writing fails", async () => {
    const failing = openCachedTokens({ cacheDir, key: "a", now: Date.now }, async (writer) => {
      await write(writer);
      throw new Error("line 7 is not JSON");
    });
    await expect(failing).rejects.toThrow("line 7");
    expect(readdirSync(join(cacheDir, "tokens"))).toEqual([]);
  });

  it("are removed once nobody has used them for 30 days", async () => {
    const day = 24 * 3600 * 1000;
    const now = Date.now();
    const [old, used] = [await open("old"), await open("used")];
    for (const { folder } of [old, used]) utimesSync(join(folder, "facts.json"), now / 1000, (now - 31 * day) / 1000);
    await open("used", now);
    await open("new", now);
    expect([old, used].map(({ folder }) => existsSync(folder))).toEqual([false, true]);
  });

  it("name the cache and its variable where it cannot be written", async () => {
    const file = join(cacheDir, "file");
    writeFileSync(file, "");
    const opening = openCachedTokens({ cacheDir: file, key: "a", now: Date.now }, write);
    await expect(opening).rejects.toMatchObject({ code: "storage" });
    await expect(opening).rejects.toThrow(`the cache ${file} cannot be used`);
  });
});
