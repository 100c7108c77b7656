/** The work of `coxswain sweep`: shows it, ends it on Ctrl-C, and writes and prints its result. */
import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../clock.js";
import type { Override } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import {
  bestFile,
  describeSweep,
  loadSweep,
  runSweep,
  trialFolder,
  type FinishedSweep,
  type Sweep,
} from "../../sweep/index.js";
import { writeWhole } from "../../storage/index.js";
import { onInterruption } from "../process/interruption.js";
import { kill } from "../process/kill.js";
import { thisProgram } from "../process/this-program.js";
import { coloursFor, isTerminal } from "../terminal/colour.js";
import { warn } from "../terminal/quiet-progress.js";
import { widthOf } from "../terminal/redraw.js";
import { missingWorkers, workersAsked } from "../train/missing-workers.js";
import { shortPath } from "../train/next-steps.js";
import { drawPictures } from "./draw.js";
import { metricText, settingText, sweepTable } from "./table.js";
import { sweepView } from "./view.js";

export interface SweepFlags {
  readonly set: readonly string[];
  readonly resume?: true;
  readonly workers?: string;
  readonly listen?: string;
  readonly insecure?: true;
  readonly json?: true;
}

export async function sweep(file: string, flags: SweepFlags): Promise<void> {
  const loaded = await loadSweep(file, overridesOf(flags));
  const isJson = flags.json === true;
  const finished = await conduct(loaded, flags, isJson ? process.stderr : process.stdout);
  const { best } = finished;
  if (best !== undefined) await writeBest(loaded, finished);
  await drawPictures(loaded, finished.status, warn);
  process.stdout.write(isJson ? jsonOf(loaded, finished) : report(loaded, finished));
  if (best === undefined) throw nothingTrained(finished);
}

function overridesOf({ set, workers, listen }: SweepFlags): readonly Override[] {
  return [
    ...set,
    ...(workers === undefined ? [] : [{ flag: "--workers", key: "workers", value: workers }]),
    ...(listen === undefined ? [] : [{ flag: "--listen", key: "cluster.listen", value: listen }]),
  ];
}

async function conduct(loaded: Sweep, flags: SweepFlags, stream: NodeJS.WriteStream): Promise<FinishedSweep> {
  const view = sweepView(stream);
  const stopping = new AbortController();
  let pids: () => readonly number[] = () => [];
  const interruption = onInterruption(({ times, cause }) => {
    if (times > 1) {
      view.close();
      for (const pid of pids()) kill(pid);
      process.exit(130);
    }
    view.note(`${cause}: finishing and saving the steps in flight (Ctrl-C again stops immediately)`);
    stopping.abort();
  });
  try {
    view.note(`${describeSweep(loaded)}; output in ${shortPath(loaded.outputDir, process.cwd())}`);
    return await runSweep(loaded, {
      resume: flags.resume === true,
      insecure: flags.insecure === true,
      clock: systemClock,
      signal: stopping.signal,
      onListening: (address) => {
        const place = { address, host: hostname(), program: thisProgram() };
        const missing = missingWorkers(workersAsked(loaded.base.config, { localWorkers: true, ...place }));
        if (missing !== undefined) view.note(missing);
      },
      onChange: (status) => view.show(status),
      onNote: (text) => view.note(text),
      onArrival: (entry) => view.arrived(entry, loaded.metric),
      onWorkers: (running) => {
        pids = running;
      },
    });
  } finally {
    interruption.close();
    view.close();
  }
}

async function writeBest(
  { base, text: startText, trials, set, outputDir, file, metric }: Sweep,
  { best }: FinishedSweep,
): Promise<void> {
  const trial = trials.find(({ index }) => index === best?.trial);
  if (trial === undefined || best === undefined) return;
  const text = bestFile({
    text: startText,
    config: { ...trial.run.config, cluster: base.config.cluster, telemetry: base.config.telemetry },
    settings: { ...set, ...trial.assignment },
    folder: outputDir,
    heading: [
      `The best of ${trials.length} trials of ${shortPath(file, process.cwd())}: trial ${trial.index}, ${metric} ${metricText(best.value ?? Number.NaN, metric)}.`,
      "Written by coxswain sweep from the run file; training it gives the same adapter as the trial has.",
    ],
  });
  await writeWhole(join(outputDir, "best.yaml"), text);
}

function report(sweep: Sweep, { status, best }: FinishedSweep): string {
  const { outputDir } = sweep;
  // Lines that a terminal would break are cut; a file gets them whole.
  const width = isTerminal(process.stdout) ? widthOf(process.stdout) : Infinity;
  const style = { colours: coloursFor(process.stdout), width, rows: Infinity };
  const short = (path: string): string => shortPath(path, process.cwd());
  const lines = [...sweepTable(status, style)];
  if (best !== undefined) {
    const trial = sweep.trials[best.trial];
    const settings = Object.entries(trial?.assignment ?? {}).map(([key, value]) => `${key} ${settingText(value)}`);
    lines.push(
      "",
      `best      trial ${best.trial}, ${sweep.metric} ${metricText(best.value ?? Number.NaN, sweep.metric)}: ${settings.join(", ")}`,
      `adapter   ${short(join(trialFolder(outputDir, best.trial), "adapter"))}`,
      `run file  ${short(join(outputDir, "best.yaml"))}`,
    );
  }
  lines.push(`pictures  ${short(join(outputDir, "parallel.svg"))}, ${short(join(outputDir, "curves.svg"))}`);
  return `${lines.join("\n")}\n`;
}

function jsonOf({ outputDir }: Sweep, { status, best }: FinishedSweep): string {
  const adapter = best === undefined ? null : join(trialFolder(outputDir, best.trial), "adapter");
  const file = best === undefined ? null : join(outputDir, "best.yaml");
  return `${JSON.stringify({ ...status, best_run_file: file, best_adapter: adapter }, null, 2)}\n`;
}

/** The error of a sweep that has no result. */
function nothingTrained({ entries }: FinishedSweep): CoxswainError {
  const failed = entries.find(({ outcome }) => outcome === "failed");
  if (failed !== undefined)
    return new CoxswainError(
      "model",
      `no trial was trained to its end; trial ${failed.trial}: ${failed.reason ?? ""}`,
      {
        hint: "Correct what the message says. If it is about a setting, remove that from the parameters.",
      },
    );
  return new CoxswainError("diverged", "no trial was trained to its end: all of them diverged or were stopped", {
    hint: "Try lower learning rates: coxswain lr-find suggests one.",
  });
}
