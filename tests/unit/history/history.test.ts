/** Without this, one damaged line or one restart makes a run's curves unreadable, or wrong. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { distinctNames, findRunFolder, readHistory } from "../../../src/history/index.js";
import { temporaryFolder } from "../model/helpers.js";

const step = (at: number, loss: number | null = 1 / at): string =>
  JSON.stringify({
    step: at,
    loss,
    learning_rate: 1e-3,
    grad_norm: 1,
    tokens: 10,
    tokens_per_second: 5,
    step_seconds: 2,
  });
const evaluation = (at: number, loss: number): string => JSON.stringify({ step: at, eval_loss: loss });

function historyOf(...lines: readonly string[]) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "metrics.jsonl"), lines.join("\n"));
  return readHistory(folder);
}

describe("the curves of a run", () => {
  it("end before a line that was cut off", () => {
    const history = historyOf(step(1), step(2), step(3).slice(0, 20));
    expect(history.curves.loss).toEqual([
      { step: 1, value: 1 },
      { step: 2, value: 0.5 },
    ]);
    expect(history).toMatchObject({ step: 2, tokens: 20, seconds: 4, damagedLines: 1 });
  });

  it("skip what is not a step or an evaluation", () => {
    const history = historyOf(
      "[1]",
      "null",
      '{"step":"2","loss":1}',
      '{"step":-1,"loss":1}',
      '{"step":1}',
      "",
      step(1),
    );
    expect(history).toMatchObject({ step: 1, damagedLines: 5 });
  });

  it("have a gap where a value is not finite", () => {
    expect(historyOf(step(1), step(2, null), step(3)).curves.loss[1]).toEqual({ step: 2, value: null });
  });

  it("follow the later lines if the run went back after a restart", () => {
    const history = historyOf(step(1), step(2), evaluation(2, 9), step(3), step(2, 7), evaluation(2, 8));
    expect(history.curves.loss.map(({ step: at, value }) => [at, value])).toEqual([
      [1, 1],
      [2, 7],
    ]);
    expect(history.curves.eval_loss).toEqual([{ step: 2, value: 8 }]);
    expect(history).toMatchObject({ repeatedSteps: 2, tokens: 20 });
  });

  it("without an evaluation have none", () => {
    expect(historyOf(step(1)).curves.eval_loss).toEqual([]);
  });

  it("of a file without a line are empty", () => {
    expect(historyOf()).toMatchObject({ step: 0, damagedLines: 0, curves: { loss: [] } });
  });
});

describe("runs are named", () => {
  it.each([
    [["/runs/a"], ["a"]],
    [
      ["/runs/a", "/runs/b"],
      ["a", "b"],
    ],
    [
      ["/x/a/out", "/x/b/out"],
      ["a", "b"],
    ],
    [
      ["/x/a/out", "/x/b/out", "/x/c"],
      ["a/out", "b/out", "c"],
    ],
    [
      ["/a", "/b/a"],
      ["a", "b/a"],
    ],
    [["/"], ["/"]],
  ])("%j: %j", (folders, names) => {
    expect(distinctNames(folders)).toEqual(names);
  });
});

describe("a folder that holds no run", () => {
  it("is refused, and the runs within it are named", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "one"));
    writeFileSync(join(folder, "one", "metrics.jsonl"), "");
    await expect(findRunFolder(folder)).rejects.toMatchObject({
      code: "config",
      hint: `There are runs within it: ${join(folder, "one")}.`,
    });
    await expect(findRunFolder(join(folder, "two"))).rejects.toMatchObject({ code: "config" });
    await expect(findRunFolder(join(folder, "one"))).resolves.toBe(join(folder, "one"));
  });
});
