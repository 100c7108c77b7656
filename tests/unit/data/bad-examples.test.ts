/** Without this, one bad line of a million stops a run, or bad lines vanish without a word. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openTokenizer, buildTokenStore } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { build, buildLines, chat, rowsOf, type Settings } from "./stores.js";
import { dataSettings, fileWith, folderWith, tinyModel } from "./support.js";

const good = [chat("q", "a"), chat("One?", "First")];
const skip = { on_bad_example: "skip" } as const;

/** Refuses a system message. */
const strict =
  "{% for m in messages %}{{ raise_exception('no system') if m.role == 'system' }}{{ m.role }}\n{{ m.content }}<|im_end|>\n" +
  "{% endfor %}{% if add_generation_prompt %}assistant\n{% endif %}";

const bad: [what: string, line: unknown, reason: RegExp, settings?: Settings][] = [
  ["that is not JSON", '{"messages": [', /^not JSON: /],
  ["of another structure", { messages: [{ role: "user" }] }, /^"content" of message 1 of "messages" is missing/],
  ["of another format", { text: "x" }, /^"messages" is missing; found keys: text/],
  ["that is no object", 5, /^the example is the number 5/],
  ["with an unknown role", { messages: [{ role: "asistant", content: "x" }] }, /^message 1 has the unknown role/],
  [
    "that the template refuses",
    { messages: [{ role: "system", content: "x" }, ...chat("q", "a").messages] },
    /^the chat template of data\.chat_template refuses message 1 \(system\): no system/,
    { chat_template: strict },
  ],
  [
    "without a supervised token",
    { messages: [{ role: "user", content: "x" }] },
    /^this example has no supervised token/,
  ],
  ["with a lone surrogate", chat("q", "\ud800"), /^message 2 \(assistant\) has the lone surrogate/],
  ["with another weight", { messages: [{ role: "user", content: "x", weight: 2 }] }, /^"weight" of message 1/],
];

describe("on_bad_example: skip omits an example, counts it and lists it", () => {
  it.each(bad)("%s", async (_, line, reason, settings = {}) => {
    const warnings: string[] = [];
    const store = await buildLines([good[0], line, good[1], line], { ...skip, ...settings }, warnings);
    expect(rowsOf(store)).toEqual(rowsOf(await buildLines(good, settings)));
    expect(store.fingerprint).toBe((await buildLines(good, settings)).fingerprint);
    expect(store.statistics).toMatchObject({ examples: 2, rows: 2, skipped: { count: 2 } });
    const { first } = store.statistics.skipped!;
    expect(first.map(({ where }) => where.replace(/.*train/, "train"))).toEqual(["train.jsonl:2", "train.jsonl:4"]);
    for (const each of first) expect(each.reason).toMatch(reason);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^2 of 4 examples were skipped \(data\.on_bad_example: skip\): \S+train\.jsonl:2: .*train\.jsonl:4: /,
      ),
    ]);
  });

  it.each(bad)("error, the default, names the line of an example %s", async (_, line, reason, settings = {}) => {
    await expectRejection(buildLines([good[0], line, good[1]], settings), "data", /train\.jsonl:2: /);
    const build = buildLines([good[0], line, good[1]], { ...settings, on_bad_example: "error" });
    await expectRejection(build, "data", new RegExp(reason.source.replace("^", "train\\.jsonl:2: ")));
  });

  it("lists them in the order of the data, however they are found", async () => {
    const silent = { messages: [{ role: "user", content: "x" }] };
    const { skipped } = (await buildLines([good[0], silent, "{", { messages: [] }, silent, good[1]], skip)).statistics;
    expect(skipped!.first.map(({ where }) => where.slice(-2))).toEqual([":2", ":3", ":4", ":5"]);
  });

  it("also if it is the first one, of whatever kind", async () => {
    const store = await buildLines(['{"a', { question: "q", answer: "a" }, ...good], skip);
    expect(store.statistics).toMatchObject({ examples: 2, skipped: { count: 2 } });
  });

  it("also a line that is not UTF-8", async () => {
    const file = await fileWith([good[0], good[1]]);
    await writeFile(file, Buffer.concat([await readFile(file), Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a])]));
    expect((await build(file, skip)).statistics.skipped!.first).toEqual([
      { where: `${file}:3`, reason: "not UTF-8 text" },
    ]);
    await expectRejection(build(file), "data", /train\.jsonl:3: not UTF-8 text/);
  });

  it("with a token that the model lacks", async () => {
    const folder = await folderWith({
      "tokenizer.json": await readFile(path.join(tinyModel, "tokenizer.json")),
      "config.json": JSON.stringify({ vocab_size: 300 }),
    });
    const source = await fileWith([{ text: "a b" }, { text: "something longer that has many tokens" }]);
    const store = await buildTokenStore({
      source,
      data: { ...dataSettings, ...skip },
      tokenizer: await openTokenizer(folder),
    });
    expect(store.statistics.skipped!.first[0]!.reason).toMatch(/^token \d+ .* is not in the model's vocabulary/);
  });

  it("in items of a list, and among more than a batch", async () => {
    const lines = Array.from({ length: 600 }, (_, index) => (index % 100 === 50 ? { messages: [] } : good[0]));
    const store = await build(await fileWith([JSON.stringify(lines)], "train.json"), skip);
    expect(store.statistics).toMatchObject({ examples: 594, skipped: { count: 6 } });
    expect(store.statistics.skipped!.first[5]!.where).toMatch(/train\.json: item 551$/);
  });

  it("lists the first hundred, and counts all", async () => {
    const lines = Array.from({ length: 150 }, () => ({ messages: [] }));
    const store = await buildLines([good[0], ...lines], skip);
    expect(store.statistics.skipped!.count).toBe(150);
    expect(store.statistics.skipped!.first).toHaveLength(100);
  });
});

describe("on_bad_example: skip does not hide", () => {
  it("that every example is bad", async () => {
    await expectRejection(
      buildLines([{ messages: [] }, "{"], skip),
      "data",
      /^all 2 examples are bad\. \S+train\.jsonl:1: "messages" is an empty list/,
      /Correct the line/,
    );
    await expectRejection(buildLines([{ messages: [] }], skip), "data", /^the only example is bad\. \S+:1: "messages"/);
  });

  it("a file of another format, a broken list, or a model without a chat template", async () => {
    await expectRejection(build(await fileWith(["a,b,c", "1,2,3"]), skip), "data", /is a CSV file/);
    await expectRejection(build(await fileWith(['[{"text": "a"}, {'], "train.json"), skip), "data", /not JSON/);
    const folder = await folderWith({ "tokenizer.json": await readFile(path.join(tinyModel, "tokenizer.json")) });
    const store = buildTokenStore({
      source: await fileWith([good[0]]),
      data: { ...dataSettings, ...skip },
      tokenizer: await openTokenizer(folder),
    });
    await expectRejection(store, "data", /no chat template/);
  });
});

it("without bad examples, skip changes nothing", async () => {
  const warnings: string[] = [];
  const store = await buildLines(good, skip, warnings);
  expect(store.statistics).toEqual((await buildLines(good)).statistics);
  expect(store.statistics.skipped).toBeUndefined();
  expect(warnings).toEqual([]);
});
