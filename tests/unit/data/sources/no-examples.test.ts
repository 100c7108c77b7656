/** The hint for data without examples speaks of the format that the file has. */
import { expect, it } from "vitest";
import { noExamples } from "../../../../src/data/sources/no-examples.js";
import { selectionOf } from "../../../../src/data/sources/selection.js";
import { expectRejection } from "../matchers.js";
import { build } from "../stores.js";
import { fileWith } from "../support.js";

it.each([
  ["train.csv", "prompt,completion", /first line names the columns/],
  ["train.tsv", "", /first line names the columns/],
  ["train.csv", "", /first line names the columns/],
  ["train.parquet", "", /no rows/],
  ["train.json", "[]", /list of objects/],
  ["train.jsonl", "", /one JSON object per line/],
  ["train.ndjson", "", /one JSON object per line/],
])("%s that holds %j", async (name, content, hint) => {
  await expectRejection(build(await fileWith([content], name)), "data", /: no examples found$/, hint);
});

it.each([
  [["a.csv.gz"], /columns/],
  [["a.csv", "b.csv"], /columns/],
  [["a.csv", "b.jsonl"], /empty/],
  [["folder"], /empty/],
])("of %j has the hint of the one format, or a general one", (paths, hint) => {
  expect(noExamples(selectionOf(paths)).hint).toMatch(hint);
});

it.each(["messages", "conversations", "input_ids"])("an empty cell of %s is called one", async (column) => {
  const file = await fileWith([`id,${column}`, "1,"], "train.csv");
  await expectRejection(build(file), "data", new RegExp(`train\\.csv:2: "${column}" is an empty cell; expected`));
  const lines = await fileWith([{ [column]: null }]);
  await expectRejection(build(lines), "data", new RegExp(`train\\.jsonl:1: "${column}" is null; expected`));
});
