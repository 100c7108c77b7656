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

describe("a file of another format is rejected by its format, with a command that converts it", () => {
  it.each<[string, string | Uint8Array, RegExp, RegExp]>([
    [
      "a.arrow",
      "ARROW1",
      /is an Arrow file, which is not supported$/,
      /Dataset\.from_file.*to_parquet\('a\.parquet'\)/,
    ],
    ["a.feather", "x", /is a Feather file/, /read_feather/],
    ["a.xlsx", "PK", /is a spreadsheet/, /read_excel/],
    ["a.jsonl.bz2", "BZh", /is compressed \(bzip2\)/, /bunzip2/],
    ["a.json.xz", "x", /is compressed \(xz\)/, /xz -d/],
    ["a.zip", "PK", /is a ZIP archive/, /unzip/],
    ["a.tgz", "x", /is a tar archive/, /tar xf/],
    ["a.tar.gz", gzipSync("x"), /is a tar archive/, /tar xf/],
    ["a.XZ", "x", /is compressed \(xz\)/, /xz -d/],
    ["a.parquet.gz", gzipSync("PAR1"), /is Parquet data within gzip data/, /Unpack it/],
    ["a.jsonl.gz", gzipSync(gzipSync('{"text":"a"}')), /is gzip data within gzip data/, /Unpack it/],
    ["a.parquet", "PARE\x15\x04", /is an encrypted Parquet file/, /without encryption/],
    ["a.parquet", "text", /is not a Parquet file: it doesn't begin with PAR1/, /truncated/],
    ["a.parquet", "PAR1\x15\x04\x15\x00 cut off", /the Parquet file is truncated: its footer is missing/, /again/],
  ])("%s", async (name, content, message, hint) => {
    await expectRejection(read(await fileNamed(name, content)), "data", message, hint);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ["Parquet that is truncated", "PAR1\x15\x04\x15\x00 cut off", /a\.jsonl: the Parquet file is truncated/],
    ["Arrow", Uint8Array.of(255, 255, 255, 255, 0), /is an Arrow file/],
    ["ZIP", "PK\x03\x04", /is a ZIP archive/],
    ["CSV", "prompt,completion\na,b\n", /is a CSV file, but its name says otherwise$/],
    ["quoted CSV", '"prompt","completion"\n"a","b"\n', /is a CSV file, but its name says otherwise$/],
    ["CSV with semicolons", "prompt;completion\na;b\n", /is a CSV file, but its name says otherwise$/],
    ["CSV with bars", "prompt|completion\na|b\n", /is a CSV file/],
    ["CSV with names that are not English", "Frage;Antwort für später\na;b\n", /is a CSV file/],
    ["CSV with a mixture of quotes", 'id;"the prompt"\n1;a\n', /is a CSV file/],
    ["CSV of Excel, whose first line names the separator", "sep=;\nprompt;completion\n", /is a CSV file/],
    ["CSV with CRLF", "prompt;completion\r\na;b\r\n", /is a CSV file/],
    ["quoted TSV", '"prompt"\t"completion"\n', /is a TSV file/],
    ["TSV", "prompt\tcompletion\na\tb\n", /is a TSV file/],
    ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", /is a Git LFS pointer/],
    ["a page", "<!DOCTYPE html>\n<html>", /is a page of HTML or XML/],
  ])("under another name: %s", async (_, content, message) => {
    await expectRejection(read(await fileNamed("a.jsonl", content)), "data", message, /./);
  });

  it("and the command renames a table, or does not overwrite the file", async () => {
    await expectRejection(
      read(await fileNamed("a.jsonl", "prompt,completion\n")),
      "data",
      /CSV/,
      /mv '\S+a\.jsonl' '\S+a\.csv'/,
    );
    await expectRejection(
      read(await fileNamed("a.jsonl", "ARROW1")),
      "data",
      /Arrow/,
      /to_parquet\('a-converted\.parquet'/,
    );
  });

  it.each<[string, string, string | Uint8Array]>([
    ["gzip", "a.jsonl", gzipSync('{"text":"a"}')],
    ["JSONL", "a.csv", '{"text":"a"}\n'],
    ["JSONL", "a.parquet", '{"text":"a"}\n'],
    ["a JSON list", "a.parquet", '[{"text":"a"}]'],
    ["unpacked JSONL", "a.jsonl.gz", '{"text":"a"}\n'],
  ])("%s under the name %s is read, since its content is certain", async (_, name, content) => {
    expect(await read(await fileNamed(name, content))).toEqual([{ text: "a" }]);
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
  it.each(["b.tar.gz", "b.xlsx", "b.arrow", "b.zip"])("%s next to JSONL is rejected by name", async (name) => {
    const file = await fileNamed("a.jsonl", '{"text":"a"}');
    await writeFile(path.join(path.dirname(file), name), "x");
    await expectRejection(read(path.dirname(file)), "data", new RegExp(`${name.replace(".", "\\.")} is `), /./);
  });

  it("saved by the datasets library is rejected as such", async () => {
    const file = await fileNamed("dataset_dict.json", '{"splits":["train"]}');
    const message = /was saved by the datasets library/;
    await expectRejection(read(path.dirname(file)), "data", message, /load_from_disk\('\S+'\)\['train'\]\.to_parquet/);
    const single = await fileNamed("state.json", "{}");
    await expectRejection(read(path.dirname(single)), "data", message, /load_from_disk\('\S+'\)\.to_parquet/);
  });
});

describe("remote data is rejected by its URL", () => {
  it.each<[string, RegExp, RegExp]>([
    ["hf://datasets/owner/name", /^hf:\/\/\S+: URLs are not supported/, /owner\/name$/],
    ["hf://datasets/owner/name@main/train.jsonl", /URLs are not supported/, /owner\/name$/],
    ["https://huggingface.co/datasets/owner/name", /URLs are not supported/, /owner\/name$/],
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
