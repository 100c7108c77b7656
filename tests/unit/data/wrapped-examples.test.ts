/** JSON as programs export it: one object around the list. The message names the key, and the command that unwraps it. */
import { describe, expect, it } from "vitest";
import { wrappingKey, wrappingKeyAtStart } from "../../../src/data/wrapped-examples.js";
import { expectRejection } from "./matchers.js";
import { build, chat, rowsOf } from "./stores.js";
import { fileWith } from "./support.js";

const one = chat("q", "a");
const forms = [
  ["on one line", (value: unknown) => JSON.stringify(value)],
  ["spread over lines", (value: unknown) => JSON.stringify(value, null, 2)],
] as const;

describe.each(forms)("a list of examples in an object, %s,", (_, text) => {
  it.each(["data", "rows", "train", "examples", "conversations", "items", "results"])(
    'is refused with its key: "%s"',
    async (key) => {
      const file = await fileWith([text({ [key]: [one, one] })], "train.json");
      const hint = new RegExp(`jq -c '\\.${key}\\[\\]' '${file}' > 'train-converted\\.jsonl'`);
      await expectRejection(build(file), "data", new RegExp(`wrapped in an object, under the key "${key}"`), hint);
    },
  );

  it.each([
    ["other keys before it", { version: "1.0", count: 2, ok: true, data: [one] }, "data"],
    ["ShareGPT's conversations", { data: [{ id: 1, conversations: [{ from: "human", value: "x" }] }] }, "data"],
    ["Alpaca's examples", { train: [{ instruction: "i", output: "o" }], test: [] }, "train"],
    ["rows of the dataset viewer", { rows: [{ row_idx: 0, row: one }] }, "rows"],
  ])("is found with %s", async (_, value, key) => {
    const file = await fileWith([text(value)], "train.json");
    await expectRejection(build(file), "data", new RegExp(`under the key "${key}"`), /jq -c/);
  });
});

it("a conversation whose turns are under another key is not taken for one", async () => {
  const turns = one.messages;
  expect(wrappingKey({ data: turns })).toBeUndefined();
  expect(wrappingKey({ conversations: [{ from: "human", value: "x" }] })).toBeUndefined();
  expect(wrappingKey({ tools: [{ type: "function" }] })).toBeUndefined();
  expect(wrappingKeyAtStart(JSON.stringify({ data: turns }, null, 2))).toBeUndefined();
  expect(wrappingKeyAtStart(JSON.stringify(one, null, 2))).toBeUndefined();
  expect(rowsOf(await build({ path: await fileWith([{ data: turns }]), columns: { messages: "data" } }))).toHaveLength(
    1,
  );
});

it("a key that is no name is quoted in the command", async () => {
  const file = await fileWith([{ "my data": [one] }], "train.json");
  await expectRejection(build(file), "data", /under the key "my data"/, /jq -c '\.\["my data"\]\[\]'/);
});
