/** Parquet means what pyarrow reads from it: no value is rounded, no null becomes something, no row is lost. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { buildTokenStore, readRecords } from "../../../../src/data/index.js";
import { jsonKey, PyFloat } from "../../../../src/jinja/index.js";
import { expectRejection } from "../matchers.js";
import { build, tokenizer } from "../stores.js";
import { dataSettings, folderWith, inRepository } from "../support.js";

const golden = (name: string): string => inRepository("tests/golden/parquet", name);

/** As Python's JSON writes it. */
function json(value: unknown): string {
  if (value instanceof PyFloat)
    return Number.isInteger(value.value) && value.value < 1e16 ? `${value.value}.0` : `${value.value}`;
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(json).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(jsonKey(key))}:${json(inner)}`)
    .join(",")}}`;
}

async function linesOf(file: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { value } of readRecords(file)) lines.push(json(value));
  return lines;
}

const read = async (file: string): Promise<unknown[]> => {
  const values: unknown[] = [];
  for await (const { value } of readRecords(file)) values.push(value);
  return values;
};

describe("Parquet", () => {
  it("has the values of pyarrow for every type, to the last digit and in its order of keys", async () => {
    const expected = (await readFile(golden("types.jsonl"), "utf8")).replaceAll("1e+300", "1e300");
    expect((await linesOf(golden("types.parquet"))).join("\n").replaceAll("1e+300", "1e300")).toBe(expected.trimEnd());
  });

  const codecs = ["none", "snappy", "gzip", "zstd", "brotli", "lz4"].flatMap((codec) => [`${codec}-1`, `${codec}-2`]);
  it.each(codecs)("of codec and page version %s gives the rows that JSONL gives, to the bit", async (name) => {
    const store = await build(golden(`codecs/${name}.parquet`));
    expect(store.fingerprint).toBe((await build(golden("conversations.jsonl"))).fingerprint);
  });

  it("names an example by its row group and the row in it", async () => {
    const places: string[] = [];
    for await (const { where } of readRecords(golden("codecs/zstd-1.parquet"))) places.push(where);
    expect(places[0]).toBe(`${golden("codecs/zstd-1.parquet")}: row group 1, row 1`);
    expect(places.at(-1)).toBe(`${golden("codecs/zstd-1.parquet")}: row group 3, row 4`);
  });

  it("is read without columns that no example can have, which are named", async () => {
    const notes: string[] = [];
    const values: unknown[] = [];
    for await (const { value } of readRecords(golden("image.parquet"), { onNote: (text) => notes.push(text) }))
      values.push(value);
    expect(values).toEqual([{ prompt: "a", completion: "b" }]);
    expect(notes).toEqual([`${golden("image.parquet")}: columns that cannot be read: "image" (binary data).`]);
  });

  it("may be read from the start again when a reader stopped early", async () => {
    const reader = readRecords(golden("codecs/snappy-2.parquet"));
    await reader.next();
    await reader.return(undefined);
    expect(await read(golden("codecs/snappy-2.parquet"))).toHaveLength(30);
  });
});

describe("a damaged Parquet file", () => {
  const damaged = async (change: (bytes: Buffer) => Buffer): Promise<string> => {
    const bytes = await readFile(golden("codecs/zstd-1.parquet"));
    return path.join(await folderWith({ "a.parquet": change(Buffer.from(bytes)) }), "a.parquet");
  };

  it("that is truncated is refused as such", async () => {
    const file = await damaged((bytes) => bytes.subarray(0, bytes.length - 100));
    await expectRejection(read(file), "data", /a\.parquet: the Parquet file is truncated/, /again/);
  });

  it("with another byte in a page is refused with row group and row", async () => {
    const file = await damaged((bytes) => {
      bytes[60] = (bytes[60] ?? 0) ^ 0xff;
      return bytes;
    });
    await expectRejection(read(file), "data", /a\.parquet: row group 1, row \d+: /, /again/);
  });

  it("with a broken footer is refused by name", async () => {
    const file = await damaged((bytes) => {
      const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
      return bytes.fill(0xff, footer, footer + 40);
    });
    await expectRejection(read(file), "data", /a\.parquet: the footer of the Parquet file cannot be read/, /again/);
  });

  it("with a footer of zeros is refused without words of JavaScript", async () => {
    const file = await damaged((bytes) => {
      const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
      return bytes.fill(0, footer, bytes.length - 8);
    });
    await expectRejection(
      read(file),
      "data",
      /a\.parquet: the (footer|schema) .* cannot be read \(it is damaged\)/,
      /again/,
    );
  });

  it("that ends after its first bytes is refused", async () => {
    const file = path.join(await folderWith({ "a.parquet": "PAR1" }), "a.parquet");
    await expectRejection(read(file), "data", /truncated/, /again/);
  });
});

it("an error in an example of Parquet names its row", async () => {
  const options = { source: golden("types.parquet"), tokenizer };
  const store = buildTokenStore({ ...options, data: dataSettings });
  await expectRejection(store, "data", /types\.parquet: row group 1, row 2: this example has no supervised token/);
  const skipping = buildTokenStore({ ...options, data: { ...dataSettings, on_bad_example: "skip" } });
  expect((await skipping).statistics.skipped?.first).toContainEqual({
    where: `${golden("types.parquet")}: row group 1, row 3`,
    reason: '"text" is null; expected a string',
  });
});
