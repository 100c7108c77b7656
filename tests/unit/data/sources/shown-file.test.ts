/** Errors in data of the hub name the data set and its file, not a path of the cache that nobody chose. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readRecords } from "../../../../src/data/index.js";
import type { DatasetVersions } from "../../../../src/data/index.js";
import { shownFile } from "../../../../src/data/sources/shown-file.js";
import { expectRejection } from "../matchers.js";
import { folderWith } from "../support.js";

const inside = "datasets--org--my-chats/snapshots/0123456789abcdef/data/train-00000.jsonl";

async function readHub(content: string, name = inside): Promise<{ read: Promise<string[]>; file: string }> {
  const file = path.join(await folderWith({ [name]: content }), name);
  const datasets = { files: () => Promise.resolve([file]) } as unknown as DatasetVersions;
  const read = async (): Promise<string[]> => {
    const places: string[] = [];
    for await (const { where } of readRecords({ dataset: "org/my-chats" }, { datasets })) places.push(where);
    return places;
  };
  return { read: read(), file };
}

describe("a file of the hub's cache", () => {
  it("is named by its data set, with its path in the hint", async () => {
    const { read, file } = await readHub('{"text": "a"}\n{"text": \n');
    const hint = new RegExp(`The file is ${file}\\.$`);
    await expectRejection(read, "data", /^org\/my-chats: data\/train-00000\.jsonl:2: not JSON/, hint);
  });

  it("is named so in the places of its examples", async () => {
    const { read } = await readHub('{"text": "a"}\n');
    expect(await read).toEqual(["org/my-chats: data/train-00000.jsonl:1"]);
  });

  it("is named so when the whole file is refused, and commands in the hint have its path", async () => {
    const { read, file } = await readHub("prompt;completion\na;b\n");
    await expectRejection(
      read,
      "data",
      /^org\/my-chats: data\/train-00000\.jsonl is a CSV file/,
      new RegExp(`mv '${file}'`),
    );
  });

  it("keeps the path that the user has given", () => {
    expect(shownFile(`/c/${inside}`, { path: `/c/${inside}` })).toBe(`/c/${inside}`);
    expect(shownFile(`/c/${inside}`, { path: path.dirname(`/c/${inside}`) })).toBe(`/c/${inside}`);
    expect(shownFile(`/c/${inside}`, { path: "/work/org/my-chats" })).toBe("org/my-chats: data/train-00000.jsonl");
    expect(shownFile("/data/a.jsonl", { path: undefined })).toBe("/data/a.jsonl");
  });
});
