/** Without this, bad lines count as examples held out, or a run with good examples ends since "all are bad". */
import { describe, expect, it } from "vitest";
import { dataOf } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { build, chat, rowsOf } from "./stores.js";
import { fileWith } from "./support.js";
import type { TokenStore } from "../../../src/data/index.js";

const skip = { on_bad_example: "skip", packing: false } as const;

const good = Array.from({ length: 20 }, (_, index) => chat(`question ${index}`, `answer ${index}`));

/** What is not JSON, no object, of another structure, without an answer. */
const bad = ["{", 5, null, ["x"], { messages: [] }, { messages: [{ role: "user", content: "x" }] }, { text: "x" }];

const mixed = (): unknown[] => [
  good[0],
  ...Array.from({ length: 8 }, (_, round) =>
    bad.map((line) => (line instanceof Object && "messages" in line ? { ...line, id: round } : line)),
  ).flat(),
  ...bad.map((_, index) => chat("", "").messages.map((message) => ({ ...message, role: `role ${index}` }))),
  ...good.slice(1),
];

async function sides(
  lines: readonly unknown[],
  heldOut: number,
  settings = {},
): Promise<readonly [TokenStore, TokenStore]> {
  const { training, evaluation } = dataOf({ seed: 1, data: { train: await fileWith(lines), eval: heldOut } });
  return [await build(training, { ...skip, ...settings }), await build(evaluation!, { ...skip, ...settings })];
}

describe("a split with data.on_bad_example: skip", () => {
  it.each([1, 3, 10])("holds out %i good examples, the same as without the bad ones", async (count) => {
    const [train, evaluation] = await sides(mixed(), count);
    const [cleanTrain, cleanEvaluation] = await sides(good, count);
    expect(evaluation.statistics.examples).toBe(count);
    expect(rowsOf(evaluation)).toEqual(rowsOf(cleanEvaluation));
    expect(rowsOf(train)).toEqual(rowsOf(cleanTrain));
  });

  it("holds out the same share as without the bad ones", async () => {
    const [train, evaluation] = await sides(mixed(), 0.3);
    const [cleanTrain, cleanEvaluation] = await sides(good, 0.3);
    expect(rowsOf(evaluation)).toEqual(rowsOf(cleanEvaluation));
    expect(rowsOf(train)).toEqual(rowsOf(cleanTrain));
  });

  it.each([0.3, 3])("counts each bad line once, on one side (data.eval: %d)", async (heldOut) => {
    const lines = mixed();
    const [train, evaluation] = await sides(lines, heldOut);
    const skipped = [train, evaluation].flatMap(({ statistics }) => statistics.skipped?.first ?? []);
    const places = skipped.map(({ where }) => where);
    expect(new Set(places).size).toBe(places.length);
    expect(places).toHaveLength(lines.length - good.length);
  });

  it("says that a share holds out bad examples only, where good ones exist", async () => {
    const lines = [...good.slice(0, 2), ...Array.from({ length: 20 }, (_, id) => ({ messages: [], text: `${id}` }))];
    await expectRejection(
      sides(lines, 0.1),
      "data",
      /^data\.eval: 0\.1 holds out no good example: (the only example|all \d+ examples) held out (is|are) bad\. \S+train\.jsonl:\d+: /,
      /Give a number of examples, such as 10: they are taken from the good ones/,
    );
  });

  it("says that nothing good is left to train on", async () => {
    const lines = [good[0], good[1], ...Array.from({ length: 50 }, (_, id) => ({ messages: [], text: `${id}` }))];
    await expectRejection(
      sides(lines, 0.97),
      "data",
      /^data\.eval: 0\.97 leaves no good example to train on: (the only example left is|all \d+ examples left are) bad\. \S+train\.jsonl:\d+: /,
      /Hold fewer out/,
    );
    await expectRejection(sides([good[0], good[1], { messages: [] }], 2), "config", /leaves nothing to train on/);
  });

  it("holds out a line once though copies of a bad one are among the smallest", async () => {
    const lines = [...good, ...Array.from({ length: 100 }, () => ({ messages: [], text: "copy" }))];
    const [train, evaluation] = await sides(lines, 5);
    expect([train.statistics.examples, evaluation.statistics.examples]).toEqual([15, 5]);
  });
});
