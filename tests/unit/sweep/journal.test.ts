import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Journal, type Entry } from "../../../src/sweep/journal.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "journal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const entry: Entry = { trial: 1, rung: 0, outcome: "reached", value: 0.25, step: 10, totalSteps: 40, reason: null };

describe("the journal of a sweep", () => {
  it("reads what it wrote", () => {
    const journal = new Journal(folder, 3, () => true);
    journal.append(entry);
    journal.append({ ...entry, trial: 2, outcome: "diverged", value: null, reason: "the loss is NaN" });
    journal.close();
    const again = new Journal(folder, 3, () => true);
    expect(again.entries).toHaveLength(2);
    expect(again.entries[0]).toEqual(entry);
    again.close();
  });

  it("drops a last line that was cut off, and goes on after the whole ones", () => {
    const journal = new Journal(folder, 3, () => true);
    journal.append(entry);
    journal.close();
    const path = join(folder, "results.jsonl");
    appendFileSync(path, '{"trial":2,"rung":0,"outc');
    const again = new Journal(folder, 3, () => true);
    expect(again.entries).toEqual([entry]);
    again.append({ ...entry, trial: 2 });
    again.close();
    expect(
      readFileSync(path, "utf8")
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as Entry).trial),
    ).toEqual([1, 2]);
  });

  it("drops lines that no longer hold, and keeps the others", () => {
    const journal = new Journal(folder, 3, () => true);
    journal.append(entry);
    journal.append({ ...entry, trial: 2, outcome: "failed", value: null, reason: "no such file" });
    journal.close();
    const again = new Journal(folder, 3, ({ outcome }) => outcome !== "failed");
    again.append({ ...entry, trial: 2 });
    again.close();
    const last = new Journal(folder, 3, () => true);
    expect(last.entries.map(({ trial, outcome }) => [trial, outcome])).toEqual([
      [1, "reached"],
      [2, "reached"],
    ]);
    last.close();
  });

  it.each(['{"trial":0}', JSON.stringify({ ...entry, trial: 3, total_steps: 40 }), '{"trial":0,"value":1e999}'])(
    "refuses the line %s",
    (line) => {
      writeFileSync(join(folder, "results.jsonl"), `${line}\n`);
      expect(() => new Journal(folder, 3, () => true)).toThrow(/results\.jsonl:1: is not the result of a trial/);
    },
  );

  it("refuses a file that it did not write, naming the line", () => {
    writeFileSync(join(folder, "results.jsonl"), `${JSON.stringify({ trial: 0 })}\n`);
    expect(() => new Journal(folder, 3, () => true)).toThrow(/results\.jsonl:1: is not the result of a trial/);
  });
});
