/** Sources that are missing, forbidden, partial or of another kind are named; nothing in a folder is left out silently. */
import { chmod, mkdir, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkSources, readRecords, type DataInput } from "../../../../src/data/index.js";
import { parseRun } from "../../../../src/config/index.js";
import { resolvePaths } from "../../../../src/config/paths.js";
import { expectRejection } from "../matchers.js";
import { folderWith } from "../support.js";

async function read(source: DataInput): Promise<{ values: unknown[]; notes: string[] }> {
  const [values, notes]: [unknown[], string[]] = [[], []];
  for await (const { value } of readRecords(source, { onNote: (text) => notes.push(text) })) values.push(value);
  return { values, notes };
}

const line = '{"text":"a"}\n';

describe("a folder", () => {
  it("is read in the order of its files' names, whatever their formats, and says what it leaves out", async () => {
    const folder = await folderWith({
      "b.csv": "text\nb\n",
      "a.jsonl": '{"text":"a"}\n',
      "c.json": '[{"text":"c"}]',
      LICENSE: "x",
      "README.md": "x",
      ".gitattributes": "x",
      "~$b.csv": "x",
      "more/d.jsonl": '{"text":"d"}\n',
    });
    expect(await read(folder)).toEqual({
      values: [{ text: "a" }, { text: "b" }, { text: "c" }],
      notes: [`${folder}: not read: more/, LICENSE, README.md.`],
    });
  });

  it("leaves out lists of data sets, which are no data", async () => {
    const folder = await folderWith({
      "a.jsonl": line,
      "dataset_info.json": '{"mine": {"file_name": "a.jsonl"}}',
      "dataset_infos.json": '{"default": {}}',
    });
    expect(await read(folder)).toEqual({
      values: [{ text: "a" }],
      notes: [`${folder}: not read: dataset_info.json, dataset_infos.json.`],
    });
    const saved = await folderWith({ "dataset_info.json": "{}", "data-00000-of-00001.arrow": "x" });
    await expectRejection(read(saved), "data", /was saved by the datasets library/, /to_parquet/);
  });

  it("says once what it leaves out, however often its source is used", async () => {
    const folder = await folderWith({ "a.jsonl": line, "README.md": "x" });
    const { values, notes } = await read({ path: folder, weight: 3 });
    expect([values.length, notes.length]).toEqual([3, 1]);
  });

  it("names files of other splits, and copies in another format, which it reads", async () => {
    const splits = await folderWith({ "train-0.jsonl": line, "test-0.jsonl": line });
    expect((await read(splits)).notes).toEqual([
      `${splits}: test-0.jsonl is read like the other files; list files to choose.`,
    ]);
    const copies = await folderWith({ "a.jsonl": line, "a.csv": "text\na\n", "b.jsonl": line });
    expect((await read(copies)).notes).toEqual([
      `${copies}: a.csv, a.jsonl are all read, although their names differ only in the format.`,
    ]);
    expect((await read(await folderWith({ "test.jsonl": line }))).notes).toEqual([]);
  });

  it("that is empty, or has only subfolders, is refused with the formats that are read", async () => {
    const folder = await folderWith({ "below/a.jsonl": line });
    await expectRejection(read(folder), "data", /has no \.jsonl, .*\.parquet file/, /not searched/);
    await mkdir(path.join(folder, "empty"));
    await expectRejection(read(path.join(folder, "empty")), "data", /has no \.jsonl/);
  });

  it("may have links to files and folders", async () => {
    const folder = await folderWith({ "a.jsonl": line, "below/c.jsonl": line });
    await symlink(path.join(folder, "a.jsonl"), path.join(folder, "b.jsonl"));
    await symlink(path.join(folder, "below"), path.join(folder, "link.jsonl"));
    const { values, notes } = await read(folder);
    expect(values).toHaveLength(2);
    expect(notes[0]).toBe(`${folder}: not read: below/, link.jsonl/.`);
  });
});

describe("a source that cannot be read is refused by name", () => {
  it.each<[string, string, RegExp, RegExp]>([
    ["several objects on one line", '{"text":"a"}{"text":"b"}\n', /a\.jsonl:1: not JSON/, /This line has several/],
    ["two lists", '[{"text":"a"}]\n[{"text":"b"}]\n', /the list is followed by "\["/, /one list/],
    ["a list that does not end", '[{"text":"a"}', /not JSON: the list does not end/, /truncated/],
    ["a list with a missing item", '[{"text":"a"},,{"text":"b"}]', /item 2 is empty/, /comma/],
    ["an item that is not JSON", '[{"text":"a"},\n{"text":b}]', /a\.jsonl: item 2: not JSON/, /Correct the item/],
    ["a list without items", "[ ]", /no examples found/, /./],
  ])("%s", async (_, content, message, hint) => {
    await expectRejection(read(path.join(await folderWith({ "a.jsonl": content }), "a.jsonl")), "data", message, hint);
  });

  it("a socket", async () => {
    const socket = path.join(await folderWith({}), "a.jsonl");
    const server = createServer().listen(socket);
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    await expectRejection(read(socket), "data", /a\.jsonl: is a socket, not a file/);
  });

  it.skipIf(process.getuid?.() === 0)("a file that this user may not read", async () => {
    const folder = await folderWith({ "a.jsonl": line });
    await chmod(path.join(folder, "a.jsonl"), 0);
    await expectRejection(read(folder), "data", /a\.jsonl can't be read: .*EACCES/);
  });

  it("any of several, before a model is opened", async () => {
    const folder = await folderWith({ "a.jsonl": line });
    const check = (data: unknown): Promise<void> => {
      const config = parseRun(JSON.stringify({ model: "m", output_dir: "o", data }), "run.yaml");
      return checkSources(resolvePaths(config, folder, () => true));
    };
    await check({ train: ["a.jsonl", { path: "a.jsonl", weight: 2 }], eval: 0.1 });
    await expectRejection(
      check({ train: ["a.jsonl", { path: "b.jsonl" }] }),
      "data",
      /b\.jsonl doesn't exist/,
      /owner\/name/,
    );
    await expectRejection(check({ train: "a.jsonl", eval: { path: "c.jsonl" } }), "data", /c\.jsonl doesn't exist/);
  });
});
