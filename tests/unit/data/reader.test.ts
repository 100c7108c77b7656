/** Without this, a broken line is trained on, skipped in silence, or reported without its place. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readRecords, type DataRecord } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { fileWith, folderWith } from "./support.js";

async function read(source: string | readonly string[]): Promise<Pick<DataRecord, "value" | "where">[]> {
  const records: Pick<DataRecord, "value" | "where">[] = [];
  for await (const { value, where } of readRecords(source)) records.push({ value, where });
  return records;
}

const inFile = async (content: string | Uint8Array, name = "a.jsonl"): Promise<string> =>
  path.join(await folderWith({ [name]: content }), name);

describe("a JSONL file", () => {
  it("may have a byte-order mark, CRLF, blank lines and no line feed at the end", async () => {
    const file = await inFile('\ufeff{"a":1}\r\n\r\n   \n{"a":"x\u2028y"}\n\t\n{"a":3}');
    expect(await read(file)).toEqual([
      { value: { a: 1 }, where: `${file}:1` },
      { value: { a: "x\u2028y" }, where: `${file}:4` },
      { value: { a: 3 }, where: `${file}:6` },
    ]);
  });

  it("is read correctly if lines and characters cross chunk boundaries", async () => {
    const texts = Array.from({ length: 40 }, (_, index) => "ü🌈".repeat(3000 + index * 997));
    const file = await fileWith(texts.map((text) => ({ text })));
    expect((await read(file)).map(({ value }) => (value as { text: string }).text)).toEqual(texts);
  });

  it("is rejected at its last line if truncated", async () => {
    const file = await inFile('{"text":"one"}\n{"text":"tw');
    await expectRejection(read(file), "data", /a\.jsonl:2: not JSON/, /one complete JSON object per line.*truncated/);
  });

  it("is rejected at a line that is not JSON", async () => {
    await expectRejection(
      read(await fileWith([{ a: 1 }, "", "{'a': 2}", { a: 3 }])),
      "data",
      /train\.jsonl:3: not JSON/,
    );
  });

  it("is rejected if it is not UTF-8", async () => {
    const bytes = Buffer.concat([Buffer.from('{"a":1}\n{"a":"caf'), Buffer.from([0xe9]), Buffer.from('"}\n')]);
    await expectRejection(read(await inFile(bytes)), "data", /a\.jsonl:2: not UTF-8/, /UTF-8/);
  });

  it.each([
    ["empty", ""],
    ["blank", "\n \r\n\n"],
  ])("is rejected if it is %s", async (_, content) => {
    await expectRejection(read(await inFile(content)), "data", /a\.jsonl: no examples found/, /messages/);
  });
});

describe("a JSON file", () => {
  it("may be one list, as Alpaca's data are", async () => {
    const file = await inFile('\n [\n {"a": 1},\n {"a": 2}]\n', "a.json");
    expect(await read(file)).toEqual([
      { value: { a: 1 }, where: `${file}: item 1` },
      { value: { a: 2 }, where: `${file}: item 2` },
    ]);
  });

  it("is rejected by name with a malformed list", async () => {
    await expectRejection(read(await inFile('[{"a": 1},\n', "a.json")), "data", /a\.json: not JSON/);
  });
});

describe("a source", () => {
  it("of a folder is its data files in name order, without hidden files and subfolders", async () => {
    const folder = await folderWith({
      "b.jsonl": '{"n":"b"}',
      "B.jsonl": '{"n":"B"}',
      "a.ndjson": '{"n":"a"}',
      "c.json": '[{"n":"c"}]',
      ".hidden.jsonl": '{"n":"hidden"}',
      "README.md": "not data",
      "below/d.jsonl": '{"n":"below"}',
    });
    const names = (await read(folder)).map(({ value }) => (value as { n: string }).n);
    expect(names).toEqual(["B", "a", "b", "c"]);
  });

  it("of a list is read in the list's order", async () => {
    const folder = await folderWith({ "1.jsonl": '{"n":1}', "2.jsonl": '{"n":2}' });
    const list = [path.join(folder, "2.jsonl"), path.join(folder, "1.jsonl")];
    expect((await read(list)).map(({ value }) => value)).toEqual([{ n: 2 }, { n: 1 }]);
  });

  it("is answered with a number where it is written as a share", async () => {
    await expectRejection(read("/nowhere/10%"), "data", /10% doesn't exist/, /data\.eval: 0\.1 for 10 %/);
  });

  it("is rejected by name if it doesn't exist", async () => {
    await expectRejection(read("/nowhere/x.jsonl"), "data", /^\/nowhere\/x\.jsonl doesn't exist/, /data\.train/);
  });

  it("is rejected if it is a folder without data", async () => {
    const folder = await folderWith({ "README.md": "x" });
    await expectRejection(read(folder), "data", /has no \.jsonl/, /not searched/);
  });
});

describe("an error for invalid JSON names its cause", () => {
  const encoded = (text: string, encoding: "le" | "be", width: 2 | 4): Buffer =>
    Buffer.concat(
      Array.from(text, (character) => {
        const bytes = Buffer.alloc(width);
        const code = character.charCodeAt(0);
        return (encoding === "le" ? bytes.writeUIntLE(code, 0, width) : bytes.writeUIntBE(code, 0, width), bytes);
      }),
    );

  it.each<[string, "le" | "be", 2 | 4]>([
    ["UTF-16LE", "le", 2],
    ["UTF-16BE", "be", 2],
    ["UTF-32LE", "le", 4],
    ["UTF-32BE", "be", 4],
  ])("%s, with a byte-order mark and without", async (name, order, width) => {
    for (const text of ['\ufeff{"text":"a"}\n', '{"text":"a"}\n']) {
      const file = await inFile(encoded(text, order, width));
      await expectRejection(
        read(file),
        "data",
        new RegExp(`is ${name} text, not UTF-8`),
        new RegExp(`iconv -f ${name}`),
      );
    }
  });

  it.each([
    ["a NUL byte", '{"text":"a\0b"}', /contains NUL bytes/],
    ["line ends of an old Mac", '{"text":"a"}\r{"text":"b"}\r', /only a carriage return.*tr/],
    ["an object over several lines", '{\n  "text": "a"\n}', /spread over several lines.*jq -c/],
    ["NaN", '{"text":"a","score":NaN}', /no NaN/],
    ["Python quotes", "{'text': 'a'}", /json\.dumps/],
    ["Python's None", '{"text": "a", "id": None}', /json\.dumps/],
    ["a comma at the line's end", '{"text":"a"},\n{"text":"b"},', /Remove the comma at its end/],
    ["a comma before the bracket", '{"text":"a",}', /does not allow a comma before a closing bracket/],
    ["a comma at a list's end", '[{"text":"a"},\n]', /does not allow a comma before a closing bracket/],
    ["a colon too many", '{"text"::"a"}', /Correct the line/],
  ])("%s", async (_, content, hint) => {
    const error: unknown = await read(await inFile(content)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "data", hint: expect.stringMatching(hint) as string });
    expect((error as { hint: string }).hint).not.toContain("cut short");
  });

  it.each(['{"text":"a', '{"text":"a"', '{"text":', '[{"text":"a"},'])(
    "or truncation if it ends early: %s",
    async (text) => {
      await expectRejection(read(await inFile(text)), "data", /not JSON/, /may be truncated/);
    },
  );
});
