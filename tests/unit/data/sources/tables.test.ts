/** CSV and TSV: every value arrives as it was written, and a malformed row is reported by its line. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readRecords, type DataInput } from "../../../../src/data/index.js";
import { expectRejection } from "../matchers.js";
import { build, chat } from "../stores.js";
import { fileWith, folderWith } from "../support.js";

const inFile = async (content: string | Uint8Array, name = "a.csv"): Promise<string> =>
  path.join(await folderWith({ [name]: content }), name);

async function read(source: DataInput): Promise<{ value: unknown; line: string }[]> {
  const records: { value: unknown; line: string }[] = [];
  for await (const { value, where } of readRecords(source)) records.push({ value, line: where.replace(/.*:/, "") });
  return records;
}

const valuesOf = async (source: DataInput): Promise<unknown[]> => (await read(source)).map(({ value }) => value);

describe("CSV", () => {
  it("may quote separators, quotes and line breaks, has a byte-order mark, CRLF and blank lines, and keeps its lines' numbers", async () => {
    const file = await inFile(
      '\ufeffprompt,completion\r\n"a, ""b""",c\r\n\r\n"two\r\nlines\n",x\r\n' + 'He said "no",\r\n1e400,007\r\n',
    );
    expect(await read(file)).toEqual([
      { value: { prompt: 'a, "b"', completion: "c" }, line: "2" },
      { value: { prompt: "two\r\nlines\n", completion: "x" }, line: "4" },
      { value: { prompt: 'He said "no"', completion: "" }, line: "7" },
      { value: { prompt: "1e400", completion: "007" }, line: "8" },
    ]);
  });

  it.each([
    ["commas", "a.csv", "prompt,completion\nx;y,b\n"],
    ["semicolons", "a.csv", "prompt;completion\nx;b\n"],
    ["tabs", "a.csv", "prompt\tcompletion\nx\tb\n"],
    ["bars", "a.csv", "prompt|completion\nx|b\n"],
    ["tabs by its name", "a.tsv", "prompt\tcompletion\nx\tb\n"],
    ["commas within quotes of the header", "a.csv", '"prompt";"completion, or answer, or reply";completion\nx;y;b\n'],
  ])("separated by %s is recognised by its header", async (_, name, content) => {
    expect(await valuesOf(await inFile(content, name))).toMatchObject([{ completion: "b" }]);
  });

  it("of Excel may name its separator in a line before the header", async () => {
    const file = await inFile("sep=;\r\nprompt;completion\r\na;b\r\n");
    expect(await read(file)).toEqual([{ value: { prompt: "a", completion: "b" }, line: "3" }]);
  });

  it("of one column is a list of texts", async () => {
    expect(await valuesOf(await inFile("text\nfirst\n\nsecond"))).toEqual([{ text: "first" }, { text: "second" }]);
  });

  it("with JSON text in a column that must be a list gives the rows that JSONL gives", async () => {
    const examples = [chat("a", "b"), chat('"quoted", é\n', "c")];
    const quoted = examples.map(({ messages }) => `"${JSON.stringify(messages).replaceAll('"', '""')}",\n`);
    const csv = await inFile(`messages,tools\n${quoted.join("")}`);
    expect((await build(csv)).fingerprint).toBe((await build(await fileWith(examples))).fingerprint);
  });

  it("with many rows keeps the number of each line", async () => {
    const rows = Array.from({ length: 30_000 }, (_, row) => `"row ${row}\n",b`);
    const records = await read(await inFile(`prompt,completion\n${rows.join("\n")}\n`));
    expect(records).toHaveLength(30_000);
    expect(records.at(-1)).toEqual({ value: { prompt: "row 29999\n", completion: "b" }, line: "60000" });
  });

  it.each<[string, string | Uint8Array, RegExp, RegExp]>([
    ["a field too many", "a,b\n1,2\n1,2,3\n", /a\.csv:3: the row has 3 fields, but the header has 2/, /double quotes/],
    ["a field too few", "a,b\n1\n", /a\.csv:2: the row has 1 field, but the header has 2/, /./],
    ["a quote that is never closed", 'a,b\n1,2\n3,"4\n5,6\n', /a\.csv:3: .*never closed/, /doubled/],
    ["text after a closing quote", 'a,b\n"x\n",2\n"Yes" she said,2\n', /a\.csv:4: .*does not end with one/, /doubled/],
    ["a column twice", "a,b,a\n1,2,3\n", /a\.csv:1: two columns have the name "a"/, /Rename/],
    ["a NUL byte", "a,b\n1,\0\n", /a\.csv:2: a NUL byte/, /./],
    ["line ends of only a carriage return", "a,b\r1,2\r", /a\.csv:1: line ends/, /tr '/],
    ["other text than UTF-8", Buffer.from("a,b\n1,caf\xe9\n", "latin1"), /a\.csv:2: not UTF-8/, /UTF-8/],
    ["UTF-16", Buffer.from("\ufeffa,b\n", "utf16le"), /is UTF-16LE text/, /iconv .*-converted\.csv'$/],
    ["no rows", "prompt,completion\n", /no examples found/, /./],
    ["Python's list for JSON", "messages\n\"[{'role': 'user'}]\"\n", /a\.csv:2: "messages": not JSON/, /json\.dumps/],
  ])("with %s is refused at its line", async (_, content, message, hint) => {
    await expectRejection(read(await inFile(content)), "data", message, hint);
  });
});
