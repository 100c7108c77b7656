/** Without this, TensorBoard shows no curve, or stops reading in the middle of one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EventFile } from "../../../src/exporters/tensorboard/event-file.js";
import { eventRecord, type EventContent } from "../../../src/exporters/tensorboard/records.js";
import { scalarsOf, TensorBoardExporter } from "../../../src/exporters/tensorboard/tensorboard.js";
import { readEventFile } from "../../support/event-file.js";
import { temporaryFolder } from "../model/helpers.js";

interface Golden {
  readonly wall_time: number;
  readonly version: { readonly step: number; readonly hex: string };
  readonly restart: { readonly step: number; readonly hex: string };
  readonly scalars: { readonly step: number; readonly values: Record<string, number>; readonly hex: string };
  readonly text: { readonly step: number; readonly tag: string; readonly text: string; readonly hex: string };
}
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../golden/text/tensorboard.json"), "utf8"),
) as Golden;

describe("records", () => {
  it.each<[keyof Omit<Golden, "wall_time">, EventContent]>([
    ["version", { kind: "version" }],
    ["restart", { kind: "restart" }],
    ["scalars", { kind: "scalars", scalars: golden.scalars.values }],
    ["text", { kind: "text", tag: golden.text.tag, text: golden.text.text }],
  ])("of a %s are those of TensorBoard's writer, to the byte", (name, content) => {
    const record = eventRecord(golden.wall_time, golden[name].step, content);
    expect(Buffer.from(record).toString("hex")).toBe(golden[name].hex);
  });
});

describe("scalars", () => {
  it("have transformers' names; null and other figures have none", () => {
    const line = { loss: 1, learning_rate: 2, grad_norm: null, workers: 3, eval_loss: 4, eval_exact_match: 5 };
    expect(scalarsOf(line)).toEqual({
      "train/loss": 1,
      "train/learning_rate": 2,
      "eval/loss": 4,
      "eval/exact_match": 5,
    });
  });
});

const step = (at: number) => ({
  step: at,
  epoch: 0,
  loss: at,
  grad_norm: 1,
  learning_rate: 1,
  tokens: 1,
  supervised_tokens: 1,
  tokens_per_second: 1,
  step_seconds: 1,
  workers: 1,
});

describe("the event files of a folder", () => {
  it("sort in the order of their starts, within one second too", () => {
    const folder = temporaryFolder();
    const names = [1000, 1000, 999].map((now) => {
      const file = new EventFile(folder, now);
      file.close();
      return file.path;
    });
    expect(names.toSorted()).toEqual(names);
  });

  it("contain the past of a run that begins to write them when it is resumed", async () => {
    const folder = temporaryFolder();
    const options = { folder, step: 2, settings: "", past: () => [step(1), step(2)], wallClock: () => 5_000_000 };
    const exporter = new TensorBoardExporter(options);
    exporter.begin(() => undefined);
    exporter.step(step(3));
    await exporter.close();
    const events = readdirSync(folder).flatMap((name) => readEventFile(join(folder, name)));
    expect(events.filter(({ scalars }) => scalars.has("train/loss")).map(({ step: at }) => at)).toEqual([1, 2, 3]);
    expect(events.some(({ isRestart }) => isRestart)).toBe(false);
  });

  it("that cannot be written are reported once, and how much was lost at the end", async () => {
    const reports: string[] = [];
    let isFull = false;
    const exporter = new TensorBoardExporter({
      folder: temporaryFolder(),
      step: 0,
      settings: "",
      past: () => [],
      wallClock: () => {
        if (isFull) throw new Error("ENOSPC");
        return 5_000_000;
      },
    });
    exporter.begin(({ reason }) => reports.push(reason));
    isFull = true;
    exporter.step(step(1));
    exporter.step(step(2));
    await exporter.close();
    expect(reports).toEqual([expect.stringContaining("ENOSPC"), "2 records could not be written"]);
  });
});
