/** Data that cannot be read yet is told by what it is: not as a missing file, or a first line that is not JSON. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseRun } from "../../../src/config/index.js";
import { resolvePaths } from "../../../src/config/paths.js";
import { readRecords } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";

async function read(source: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const { value } of readRecords(source)) values.push(value);
  return values;
}

async function fileNamed(name: string, content: string | Uint8Array): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "coxswain-data-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

const zstandard = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0);

describe("a file that is not JSONL is rejected by its format, with a command that converts it", () => {
  it.each<[string, string | Uint8Array, RegExp, RegExp]>([
    [
      "a.csv",
      "prompt,completion\na,b\n",
      /a\.csv is a CSV file, which is not supported$/,
      /read_csv\('\S+a\.csv'\).*'a\.jsonl'/,
    ],
    ["a.tsv", "a\tb\n", /is a TSV file/, /sep='\\t'/],
    ["a.parquet", "PAR1", /is a Parquet file/, /read_parquet/],
    ["a.arrow", "ARROW1", /is an Arrow file/, /Dataset\.from_file/],
    ["a.feather", "x", /is a Feather file/, /read_feather/],
    ["a.xlsx", "PK", /is a spreadsheet/, /read_excel/],
    ["a.jsonl.gz", gzipSync('{"text":"a"}'), /is compressed \(gzip\)/, /gunzip < '\S+a\.jsonl\.gz' > a\.jsonl$/],
    ["a.jsonl.zst", zstandard, /is compressed \(Zstandard\)/, /zstd -d </],
    ["a.jsonl.bz2", "BZh", /is compressed \(bzip2\)/, /bunzip2/],
    ["a.json.xz", "x", /is compressed \(xz\)/, /xz -d/],
    ["a.zip", "PK", /is a ZIP archive/, /unzip/],
    ["a.tgz", "x", /is a tar archive/, /tar xf/],
    ["a.CSV", "a,b\n", /is a CSV file/, /read_csv/],
  ])("%s", async (name, content, message, hint) => {
    await expectRejection(read(await fileNamed(name, content)), "data", message, hint);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ["Parquet", "PAR1\x15\x04", /a\.jsonl is a Parquet file/],
    ["Arrow", Uint8Array.of(255, 255, 255, 255, 0), /is an Arrow file/],
    ["gzip", gzipSync('{"text":"a"}'), /is compressed \(gzip\)/],
    ["Zstandard", zstandard, /is compressed \(Zstandard\)/],
    ["ZIP", "PK\x03\x04", /is a ZIP archive/],
    ["CSV", "prompt,completion\na,b\n", /is a CSV file/],
    ["quoted CSV", '"prompt","completion"\n"a","b"\n', /not JSON/],
    ["TSV", "prompt\tcompletion\na\tb\n", /is a TSV file/],
    ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", /is a Git LFS pointer/],
    ["a page", "<!DOCTYPE html>\n<html>", /is a page of HTML or XML/],
  ])("under another name: %s", async (_, content, message) => {
    await expectRejection(read(await fileNamed("a.jsonl", content)), "data", message, /./);
  });

  it("and the command does not overwrite the file", async () => {
    const file = await fileNamed("a.jsonl", "prompt,completion\n");
    await expectRejection(read(file), "data", /CSV/, /to_json\('a-converted\.jsonl'/);
  });

  it("but malformed JSON is reported as such", async () => {
    await expectRejection(
      read(await fileNamed("a.jsonl", '{"text": "cut')),
      "data",
      /a\.jsonl:1: not JSON/,
      /truncated/,
    );
    await expectRejection(read(await fileNamed("a.jsonl", '{"a":1}\nx,y\n')), "data", /a\.jsonl:2: not JSON/, /./);
  });

  it("and so is text, unless it contains JSON", async () => {
    await expectRejection(read(await fileNamed("a.txt", "once upon a time")), "data", /is plain text/, /json\.dumps/);
    expect(await read(await fileNamed("a.txt", '{"text":"a"}'))).toEqual([{ text: "a" }]);
  });
});

describe("a folder is never read partially", () => {
  it.each(["b.csv", "b.jsonl.gz", "b.arrow", "b.zip"])("%s next to JSONL is rejected by name", async (name) => {
    const file = await fileNamed("a.jsonl", '{"text":"a"}');
    await writeFile(path.join(path.dirname(file), name), "x");
    await expectRejection(read(path.dirname(file)), "data", new RegExp(`${name.replace(".", "\\.")} is `), /./);
  });

  it("saved by the datasets library is rejected as such", async () => {
    const file = await fileNamed("dataset_dict.json", '{"splits":["train"]}');
    await expectRejection(read(path.dirname(file)), "data", /was saved by the datasets library/, /load_from_disk/);
  });
});

describe("remote data is rejected by its URL", () => {
  it.each<[string, RegExp, RegExp]>([
    [
      "HuggingFaceH4/ultrachat_200k",
      /^HuggingFaceH4\/ultrachat_200k: no such file.*data sets of the hub/,
      /load_dataset\('HuggingFaceH4\/ultrachat_200k'/,
    ],
    ["hf://datasets/owner/name", /^hf:\/\/\S+: data sets of the hub/, /load_dataset\('owner\/name'/],
    ["hf://datasets/owner/name@main/train.jsonl", /data sets of the hub/, /load_dataset\('owner\/name'/],
    ["https://huggingface.co/datasets/owner/name", /data sets of the hub/, /load_dataset\('owner\/name'/],
    ["https://example.com/train.jsonl", /data cannot be read over https:\/\//, /curl/],
    ["s3://bucket/train.jsonl", /data cannot be read over s3:\/\//, /Download it first/],
    ["gs://bucket/train.jsonl", /data cannot be read over gs:\/\//, /Download it first/],
    ["file:///data/train.jsonl", /URLs are not supported/, /Give only the path: \/data\/train\.jsonl/],
  ])("%s", async (source, message, hint) => {
    // As a run file has it, and as --data has it.
    const text = JSON.stringify({ model: "m", output_dir: "o", data: { train: source } });
    const { data } = resolvePaths(parseRun(text, "run.yaml"), "/nowhere/here", () => false);
    for (const each of [source, data.train as string]) await expectRejection(read(each), "data", message, hint);
  });

  it("a mistyped path is not considered a data set", async () => {
    const file = await fileNamed("data/train.jsonl", '{"text":"a"}');
    const missing = path.join(path.dirname(file), "trian");
    await expectRejection(read(missing), "data", /trian doesn't exist/, /relative to the run file/);
    await expectRejection(read("/nowhere/at/all.jsonl"), "data", /all\.jsonl doesn't exist/, /./);
  });
});
