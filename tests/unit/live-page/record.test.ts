/** These tests protect: a page that shows the whole run, also what was before it was opened or resumed. */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LiveRecord, shownEvent } from "../../../src/live-page/index.js";
import { openRunFiles, readEvents, readMetrics, readSamples } from "../../../src/telemetry/index.js";
import type { RunEvent } from "../../../src/telemetry/index.js";
import { noPast, stepLine } from "../../support/live-run.js";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "coxswain-live-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const time = "2026-01-01T00:00:00.000Z";
/** Of the run in the folder, with its past. */
const newRecord = (): LiveRecord =>
  new LiveRecord({ metrics: () => readMetrics(folder), events: () => readEvents(folder) }, (event) =>
    shownEvent(event, "machine"),
  );

/** Runs up to step 3, with an evaluation after the second. */
function firstLife(): LiveRecord {
  const files = openRunFiles(folder);
  const record = newRecord();
  const started = { time, event: "run_started" } as const;
  files.appendEvent(started);
  record.event(started);
  for (const line of [stepLine(1), stepLine(2), { step: 2, eval_loss: 0.7 }, stepLine(3)]) {
    files.appendMetrics(line);
    if ("loss" in line) record.step(line);
    else record.evaluation(line);
  }
  files.close();
  return record;
}

describe("the live page's record", () => {
  it("contains every recorded line", () => {
    const { steps, evaluations, events } = firstLife().snapshot();
    expect(steps.map(({ step, loss }) => [step, loss])).toEqual([
      [1, 1],
      [2, 1 / 2],
      [3, 1 / 3],
    ]);
    expect(evaluations).toEqual([{ step: 2, steps: 1, loss: 0.7 }]);
    expect(events.map(({ event }) => event)).toEqual(["run_started"]);
  });

  it("contains the earlier lines of a resumed run", () => {
    const first = firstLife().snapshot();
    openRunFiles(folder, { resumeStep: 3 }).close();
    const record = newRecord();
    expect(record.snapshot()).toEqual(first);
    record.step(stepLine(4));
    expect(record.snapshot().steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  });

  it("has the samples of the newest evaluation, also of one before a restart, and only if they may be shown", () => {
    const files = openRunFiles(folder);
    const messages = [{ role: "user", content: "two" }];
    const samples = (step: number) => [
      { step, prompt: "one", completion: `1 after ${step}` },
      { step, prompt: messages, completion: `2 after ${step}` },
    ];
    files.appendSamples(samples(2));
    files.appendSamples(samples(4));
    const past = { ...noPast, samples: () => readSamples(folder) };
    const show = (event: RunEvent) => shownEvent(event, "machine");
    const record = new LiveRecord(past, show);
    const shown = (step: number) => [
      { step, prompt: "one", completion: `1 after ${step}` },
      { step, prompt: "two", completion: `2 after ${step}` },
    ];
    expect(record.snapshot().samples).toEqual(shown(4));
    record.takeUpdate();
    expect(record.takeUpdate()).toBeUndefined();
    record.samples(samples(6));
    expect(record.takeUpdate()?.samples).toEqual(shown(6));
    files.rewind(3);
    record.rewound();
    expect(record.snapshot().samples).toEqual(shown(2));
    // An evaluation that is made again replaces what it had written, and nothing before it.
    files.appendSamples(samples(4).slice(0, 1));
    files.appendSamples(samples(4));
    expect(readSamples(folder).map(({ step }) => step)).toEqual([2, 2, 4, 4]);
    files.close();
    const elsewhere = new LiveRecord(noPast, show);
    elsewhere.samples(samples(6));
    expect(elsewhere.snapshot().samples).toBeUndefined();
  });

  it("drops steps that were lost", () => {
    firstLife();
    const files = openRunFiles(folder, { resumeStep: 3 });
    const record = newRecord();
    files.rewind(1);
    files.close();
    record.rewound();
    expect(record.snapshot()).toMatchObject({ steps: [{ step: 1 }], evaluations: [] });
  });

  it("keeps the newest 100 events", () => {
    const record = new LiveRecord(noPast, (event) => shownEvent(event, "machine"));
    for (let step = 1; step <= 130; step++) record.event({ time, event: "checkpoint_saved", step });
    const { events } = record.snapshot();
    expect([events.length, events[0]!.details["step"], events.at(-1)!.id]).toEqual([100, 31, 130]);
  });
});

describe("a run's files, read back", () => {
  it("skip invalid lines", () => {
    firstLife();
    appendFileSync(join(folder, "metrics.jsonl"), '{"step":4,"loss":"no"}\n{"step":5,"eval_loss":null}\n[1]\n');
    appendFileSync(join(folder, "events.jsonl"), '{"event":"no_time"}\n{"time":"t","event":"e","nested":{}}\n');
    expect(readMetrics(folder).map((line) => ("loss" in line ? line.loss : line.eval_loss))).toEqual([
      1,
      1 / 2,
      0.7,
      1 / 3,
    ]);
    expect(readEvents(folder)).toEqual([{ time, event: "run_started" }]);
  });

  it("are empty if there are none", () => {
    expect([readMetrics(folder), readEvents(folder)]).toEqual([[], []]);
  });
});
