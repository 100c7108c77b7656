/** These tests protect: a run that starts as quickly as ever, whatever lies beside its folder. */
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readLosses, readRunsBeside } from "../../../src/history/index.js";
import { LossReader } from "../../../src/history/losses.js";
import { temporaryFolder } from "../../support/processes.js";

const step = (at: number, loss: number): string => `${JSON.stringify({ step: at, loss })}\n`;
const evaluation = (at: number, loss: number): string => `${JSON.stringify({ step: at, eval_loss: loss })}\n`;

function writeRunFolder(parent: string, name: string, text: string, seconds = 0): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "metrics.jsonl");
  writeFileSync(file, text);
  utimesSync(file, 1_700_000_000 + seconds, 1_700_000_000 + seconds);
  return folder;
}

describe("the runs beside a run", () => {
  it("are the newest other folders with a record, newest first", async () => {
    const parent = temporaryFolder();
    const own = writeRunFolder(parent, "own", step(1, 9), 100);
    for (const [index, name] of ["oldest", "middle", "newest"].entries())
      writeRunFolder(parent, name, step(1, index) + evaluation(1, index + 10), index);
    writeRunFolder(parent, "empty", "", 50);
    mkdirSync(join(parent, "no-run"));
    writeFileSync(join(parent, "a-file"), "");
    expect(await readRunsBeside(own, 2)).toEqual([
      { name: "newest", training: [{ step: 1, value: 2 }], evaluation: [{ step: 1, value: 12 }] },
      { name: "middle", training: [{ step: 1, value: 1 }], evaluation: [{ step: 1, value: 11 }] },
    ]);
  });

  it("are none through links, which may lead to the run itself or out of the folder", async () => {
    const parent = temporaryFolder();
    const own = writeRunFolder(parent, "own", step(1, 9));
    symlinkSync(own, join(parent, "link"));
    mkdirSync(join(parent, "linked-file"));
    symlinkSync(join(own, "metrics.jsonl"), join(parent, "linked-file", "metrics.jsonl"));
    expect(await readRunsBeside(own, 4)).toEqual([]);
    expect(await readLosses(join(parent, "linked-file"))).toBeUndefined();
  });
});

describe("the record of a run", () => {
  it("is read to a size, without the line that is cut there", async () => {
    const lines = [step(1, 5), step(2, 4), step(3, 3)];
    const folder = writeRunFolder(temporaryFolder(), "run", lines.join(""));
    const two = lines[0]!.length + lines[1]!.length;
    expect((await readLosses(folder, two + 3))!.training.map((point) => point.step)).toEqual([1, 2]);
  });

  it("is the later one where the run went back", () => {
    const reader = new LossReader();
    reader.add(step(1, 5) + step(2, 4) + evaluation(2, 8) + step(3, 3) + step(2, 1));
    expect(reader.losses).toEqual({
      training: [
        { step: 1, value: 5 },
        { step: 2, value: 1 },
      ],
      evaluation: [],
    });
  });

  it("is read in pieces that end anywhere, without what is no line of a run", () => {
    const reader = new LossReader();
    const text = `${step(1, 5)}no JSON\n${"x".repeat(200_000)}\n${step(2, 4)}{"step":3,"loss":null}\n[]\n{"step":4`;
    for (let at = 0; at < text.length; at += 7) reader.add(text.slice(at, at + 7));
    expect(reader.losses.training).toEqual([
      { step: 1, value: 5 },
      { step: 2, value: 4 },
      { step: 3, value: null },
    ]);
  });
});
