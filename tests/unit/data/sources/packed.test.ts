/** Compressed files give the rows that their content gives, and a damaged one is never taken for a shorter one. */
import { readFileSync } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readRecords } from "../../../../src/data/index.js";
import { DamagedData, unpacked, verifiesZstd } from "../../../../src/data/sources/bytes.js";
import { expectRejection } from "../matchers.js";
import { build, chat } from "../stores.js";
import { fileWith, folderWith, inRepository } from "../support.js";

const examples = Array.from({ length: 40 }, (_, number) => chat(`question ${number}`, `answer ${number} é`));
const jsonl = examples.map((example) => `${JSON.stringify(example)}\n`).join("");

/** `jsonl` in two frames of Zstandard, with checksums: lines 1 to 17 by `zstd -3`, the others by `zstd -19`. */
const zstandard = inRepository("tests/golden/packed/two-frames.jsonl.zst");

const inFile = async (content: string | Uint8Array, name: string): Promise<string> =>
  path.join(await folderWith({ [name]: content }), name);

async function read(source: string): Promise<string[]> {
  const places: string[] = [];
  for await (const { where } of readRecords(source)) places.push(where);
  return places;
}

const chunksOf = (bytes: Uint8Array, size = 100): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, part) =>
      Buffer.from(bytes.subarray(part * size, (part + 1) * size)),
    ),
  );

describe("a packed file", () => {
  it("gives the rows of what it holds, under its lines", async () => {
    const plain = await build(await fileWith(examples));
    const packed = await inFile(gzipSync(jsonl), "a.jsonl.gz");
    expect((await build(packed)).fingerprint).toBe(plain.fingerprint);
    expect((await read(packed)).at(-1)).toBe(`${packed}:40`);
    // Several members, as `cat a.gz b.gz` makes.
    const half = jsonl.indexOf("\n", jsonl.length / 2) + 1;
    const members = Buffer.concat([gzipSync(jsonl.slice(0, half)), gzipSync(jsonl.slice(half))]);
    expect((await build(await inFile(members, "a.jsonl.gz"))).fingerprint).toBe(plain.fingerprint);
    expect((await build(await inFile(gzipSync(JSON.stringify(examples)), "a.json.gz"))).fingerprint).toBe(
      plain.fingerprint,
    );
    expect((await build(zstandard)).fingerprint).toBe(plain.fingerprint);
    // As pzstd writes it: a frame to skip goes before each frame of data.
    const skipped = Buffer.from("502a4d1804000000d2020000", "hex");
    const parallel = await inFile(Buffer.concat([skipped, readFileSync(zstandard)]), "a.jsonl.zst");
    expect((await build(parallel)).fingerprint).toBe(plain.fingerprint);
  });

  it("of CSV is a table", async () => {
    const file = await inFile(gzipSync("text\none\n"), "a.csv.gz");
    expect(await read(file)).toEqual([`${file}:2`]);
  });

  it("that is truncated or damaged names the last line that could be read", async () => {
    const bytes = gzipSync(jsonl);
    const truncated = await inFile(bytes.subarray(0, bytes.length - 40), "a.jsonl.gz");
    await expectRejection(
      read(truncated),
      "data",
      /a\.jsonl\.gz: the gzip data are damaged or end early, after line \d+/,
      /again/,
    );
    const changed = Buffer.from(bytes);
    changed[bytes.length - 6] = (changed[bytes.length - 6] ?? 0) ^ 1;
    await expectRejection(
      read(await inFile(changed, "a.jsonl.gz")),
      "data",
      /gzip data are damaged or end early.*incorrect data check/,
    );
    const empty = await inFile(bytes.subarray(0, 12), "a.csv.gz");
    await expectRejection(read(empty), "data", /gzip data are damaged or end early/);
  });

  it("that a reader gives up early is closed", async () => {
    const open = async (file: string): Promise<boolean> => {
      const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
      return (await Promise.all(links)).includes(file);
    };
    for (const file of [await inFile(gzipSync(jsonl.repeat(500)), "a.jsonl.gz"), zstandard]) {
      const reader = readRecords(file);
      await reader.next();
      if (process.platform === "linux") expect(await open(file)).toBe(true);
      await reader.return(undefined);
      if (process.platform === "linux") expect(await open(file)).toBe(false);
    }
  });
});

describe("Zstandard", () => {
  const bytes = readFileSync(zstandard);

  it("is unpacked to the same bytes, frame by frame", async () => {
    const parts: Buffer[] = [];
    for await (const part of unpacked(chunksOf(bytes), "Zstandard")) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe(jsonl);
  });

  it("is refused wherever it ends early, but between two frames", async () => {
    const complete: number[] = [];
    for (let length = 1; length <= bytes.length; length++) {
      try {
        for await (const part of unpacked(chunksOf(bytes.subarray(0, length)), "Zstandard")) expect(part).toBeDefined();
        complete.push(length);
      } catch (error) {
        expect(error).toBeInstanceOf(DamagedData);
      }
    }
    expect(complete).toEqual([199, bytes.length]);
  });

  it("may begin with a frame to skip", async () => {
    const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    expect(await read(await inFile(Buffer.concat([skipped, bytes]), "a.jsonl.zst"))).toHaveLength(40);
  });
});

describe("Zstandard data", () => {
  const bytes = readFileSync(zstandard);
  const contentOf = async (data: Uint8Array, size: number): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const part of unpacked(chunksOf(data, size), "Zstandard")) parts.push(part);
    return Buffer.concat(parts).toString();
  };

  it("give what they hold, however they arrive", async () => {
    const expected = await contentOf(bytes, bytes.length);
    for (const size of [1, 7, 100]) expect(await contentOf(bytes, size)).toBe(expected);
  });

  it.skipIf(!verifiesZstd)(
    `with a byte changed anywhere are refused or unchanged${verifiesZstd ? "" : " (skipped: Node.js before 22.15 has no Zstandard, and checksums are not verified)"}`,
    async () => {
      const expected = await contentOf(bytes, bytes.length);
      for (let at = 0; at < bytes.length; at += 13) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        const result = await contentOf(changed, 4096).catch((error: unknown) => error);
        if (result !== expected) expect(result, `byte ${at}`).toBeInstanceOf(DamagedData);
      }
    },
  );

  it.skipIf(verifiesZstd)("are said to be unverified by a release of Node.js that cannot", async () => {
    const warnings: string[] = [];
    await build(zstandard, {}, warnings);
    expect(warnings).toEqual([
      expect.stringMatching(/two-frames\.jsonl\.zst: Node\.js \S+ cannot verify the checksums/),
    ]);
  });
});
