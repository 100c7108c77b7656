/** Without this, a run that skips bad examples does not say which, or goes on with others after it is resumed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { eventLines, quickstartData, quickstartModel, smallRun } from "../support/runs.js";

const goodLines = readFileSync(join(quickstartData, "train.jsonl"), "utf8").split("\n").slice(0, 16);
const badLine = '{"messages": [{"role": "user", "content": "x"}]}';

function skippingRun(data: object, training: object = {}): object {
  return smallRun({
    model: quickstartModel,
    data: { max_length: 256, ...data },
    training: { save_steps: 1, ...training },
  });
}

function withBadLines(folder: string, name: string, bad: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${[...goodLines.slice(0, 8), ...bad, ...goodLines.slice(8)].join("\n")}\n`);
  return path;
}

describe("a run with data.on_bad_example: skip", () => {
  const folder = temporaryFolder();
  const train = withBadLines(folder, "train.jsonl", [badLine, '{"messages": [']);
  const evaluation = withBadLines(folder, "eval.jsonl", [badLine]);
  const data = { train, eval: evaluation, on_bad_example: "skip" };

  it("trains the others, says at its start what was skipped, and lists it in events.jsonl", async () => {
    const { code, stdout } = await coxswain(["train", writeRun(folder, skippingRun(data))]);
    expect(stdout).toMatch(
      /2 of 18 examples were skipped \(data\.on_bad_example: skip\): \S+train\.jsonl:9: this example/,
    );
    expect(stdout).toMatch(/1 of 17 examples were skipped \(data\.on_bad_example: skip\): \S+eval\.jsonl:9: /);
    expect(stdout).toMatch(/data 16 examples \(2 more skipped: events\.jsonl lists them\) in 16 rows/);
    expect(code).toBe(0);
    const events = eventLines(join(folder, "out"));
    const skipped = events.filter(({ event }) => event === "examples_skipped");
    expect(skipped).toEqual([
      expect.objectContaining({
        train: 2,
        eval: 1,
        examples: [
          expect.stringMatching(/train\.jsonl:9: this example has no supervised token/),
          expect.stringMatching(/train\.jsonl:10: not JSON: /),
          expect.stringMatching(/eval\.jsonl:9: this example has no supervised token/),
        ],
      }),
    ]);
  });

  it("continues with --resume where the same rows are left", async () => {
    withBadLines(folder, "train.jsonl", [badLine]);
    const { code, stderr } = await coxswain(["train", writeRun(folder, skippingRun(data)), "--resume"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it("is not resumed once other lines are skipped", async () => {
    writeFileSync(train, `${[...goodLines.slice(0, 15), badLine].join("\n")}\n`);
    const { code, stderr } = await coxswain(["train", writeRun(folder, skippingRun(data)), "--resume"]);
    expect(stderr).toMatch(/error: .*(data|rows|examples)/);
    expect(code).toBe(2);
  });

  it("fails with the first error if no example is good", async () => {
    const other = temporaryFolder();
    const bad = join(other, "train.jsonl");
    writeFileSync(bad, `${badLine}\n${badLine}\n`);
    const { code, stderr } = await coxswain([
      "train",
      writeRun(other, skippingRun({ train: bad, on_bad_example: "skip" })),
    ]);
    expect(stderr).toMatch(/^error: all 2 examples are bad\. \S+train\.jsonl:1: this example has no supervised token/m);
    expect(stderr).toMatch(/\nhint: /);
    expect(code).not.toBe(0);
  });
});

it("preview lists what is skipped", async () => {
  const folder = temporaryFolder();
  const train = withBadLines(folder, "train.jsonl", [badLine]);
  const run = writeRun(folder, skippingRun({ train, on_bad_example: "skip" }));
  const { code, stdout } = await coxswain(["preview", run]);
  expect(stdout).toMatch(
    /16 examples in 16 rows; .*; 1 skipped\n(.*\n)?skipped:\n {2}\S+train\.jsonl:9: this example has no/,
  );
  expect(code).toBe(0);
});
