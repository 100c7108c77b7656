/** Reads a sweep file and the run file that it names, and makes the run of every trial. Starts nothing. */
import { dirname, join, resolve } from "node:path";
import { loadRun, readYamlFile, valueAt } from "../config/index.js";
import type { FlagOverride, LoadedRun, Override } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { rungsOf } from "./halving.js";
import type { Rules } from "./halving.js";
import { parseSweep } from "./spec.js";
import type { Metric, SweepSpec } from "./spec.js";
import type { Assignment } from "./space.js";

export interface Trial {
  /** From 0. */
  readonly index: number;
  readonly assignment: Assignment;
  /** Its output folder is within that of the sweep. */
  readonly run: LoadedRun;
}

export interface Sweep {
  /** The sweep file, as given. */
  readonly file: string;
  /** Absolute. */
  readonly outputDir: string;
  /** The run file's settings, with `--set`. */
  readonly base: LoadedRun;
  /** Content of the run file, when the sweep began. */
  readonly text: string;
  readonly metric: Metric;
  readonly rules: Rules;
  readonly trials: readonly Trial[];
  /** What flags set for all trials, by dotted key. */
  readonly set: Assignment;
}

/**
 * @param sets `--set` and flags that stand for a key, for all trials
 * @throws CoxswainError "config" that names the file, the line and the key
 */
export async function loadSweep(file: string, sets: readonly Override[]): Promise<Sweep> {
  const spec = parseSweep(await readYamlFile(file, "A sweep file"), file);
  const runFile = resolve(dirname(file), spec.run);
  const text = await readYamlFile(runFile);
  const base = await loadRun(runFile, sets);
  const { outputDir: given } = spec;
  const outputDir =
    given === undefined ? join(dirname(base.config.output_dir), "sweep") : resolve(dirname(resolve(file)), given);
  if (outputDir === base.config.output_dir)
    throw new CoxswainError("config", `${file}: output_dir: ${outputDir} is that of the run file`, {
      hint: "Choose another output_dir in the sweep file: a sweep needs a folder of its own.",
    });
  const swept = Object.keys(spec.trials[0] ?? {});
  const keys = sets.map(keyOf);
  const varied = keys.find((key) => swept.some((other) => other === key || other.startsWith(`${key}.`)));
  if (varied !== undefined)
    throw new CoxswainError("usage", `--set ${varied}: the sweep varies this key`, {
      hint: `Omit it, or remove it from the parameters of ${file}.`,
    });
  const trials: Trial[] = [];
  for (const [index, assignment] of spec.trials.entries())
    trials.push({
      index,
      assignment,
      run: await loadTrial(index, assignment, { spec, sets, file, runFile, outputDir }),
    });
  for (const trial of trials) checkMetric(spec, trial, file);
  const { halving, metric } = spec;
  return {
    file,
    outputDir,
    base,
    text,
    metric,
    rules: { trials: trials.length, halving, lowerIsBetter: metric === "eval_loss" },
    trials,
    // Where workers connect to is of this sweep only.
    set: Object.fromEntries(
      keys
        .filter((key) => !/^(cluster|telemetry)\b/.test(key))
        .map((key) => [key, valueAt(base.config, key.split("."))]),
    ),
  };
}

/** The folder of a trial: numbers have leading zeros, so that names sort. */
export const trialFolder = (outputDir: string, index: number): string =>
  join(outputDir, "trials", String(index).padStart(3, "0"));

interface Origin {
  readonly spec: SweepSpec;
  readonly sets: readonly Override[];
  readonly file: string;
  readonly runFile: string;
  readonly outputDir: string;
}

async function loadTrial(
  index: number,
  assignment: Assignment,
  { spec, sets, file, runFile, outputDir }: Origin,
): Promise<LoadedRun> {
  const settings = Object.entries(assignment).map(([key, value]): FlagOverride => {
    const line = spec.lineOf(["parameters", key]);
    return { flag: `${file}${line === undefined ? "" : `:${line}`}: ${key}`, key, value: JSON.stringify(value) };
  });
  const run = await loadRun(runFile, [...sets, ...settings]);
  return { ...run, config: trialConfig(run.config, trialFolder(outputDir, index)) };
}

/** What belongs to the sweep, not to a trial: where workers and monitors connect to. */
function trialConfig(config: LoadedRun["config"], outputDir: string): LoadedRun["config"] {
  const { cluster, telemetry } = config;
  return {
    ...config,
    output_dir: outputDir,
    cluster: { ...cluster, listen: "127.0.0.1:0", min_workers: 1 },
    telemetry: { ...telemetry, http: null, nats: null },
  };
}

/** @throws CoxswainError "config" for a metric that no evaluation would have */
function checkMetric(
  { metric, lineOf, run: runFile }: SweepSpec,
  { index, assignment, run }: Trial,
  file: string,
): void {
  const { data, training } = run.config;
  const missing =
    data.eval === null
      ? "data.eval"
      : metric === "exact_match" && !training.predict_with_generate
        ? "training.predict_with_generate"
        : undefined;
  if (missing === undefined) return;
  const varied = Object.keys(assignment).find((key) => key === missing || missing.startsWith(`${key}.`));
  const line = lineOf(varied === undefined ? ["metric"] : ["parameters", varied]) ?? lineOf(["parameters"]);
  const place = line === undefined ? file : `${file}:${line}`;
  const whose = varied === undefined ? runFile : `trial ${index}`;
  throw new CoxswainError("config", `${place}: metric: ${metric} is never evaluated: ${whose} has no ${missing}`, {
    hint:
      missing === "data.eval"
        ? "Set data.eval in the run file to a file, or to a share of the training data, such as 0.1."
        : "Set training.predict_with_generate: true in the run file, or compare trials by eval_loss.",
  });
}

/** Keys whose values change what an evaluation is on: its losses can't be compared. */
const evaluated = /^(model|data\.(?!train$|packing$).*|data)$/;

/** A warning about trials whose evaluations can't be compared; undefined if they can. */
export function incomparable({ trials, metric }: Sweep): string | undefined {
  const keys = Object.keys(trials[0]?.assignment ?? {}).filter((key) => evaluated.test(key));
  if (keys.length === 0) return undefined;
  return `warning: ${keys.join(", ")} may change what is evaluated: compare ${metric} between such trials with care`;
}

const keyOf = (set: Override): string => (typeof set === "string" ? (set.split("=", 1)[0] ?? "").trim() : set.key);

/** How a sweep is described in one line. */
export function describeSweep({ trials, rules, metric }: Sweep): string {
  const count = `${trials.length} ${trials.length === 1 ? "trial" : "trials"}`;
  const { halving } = rules;
  const how =
    halving === undefined ? "each trained to its end" : `1 of ${halving.eta} goes on, ${rungsOf(rules)} rungs`;
  return `${count}, ${how}, compared by ${metric}`;
}
