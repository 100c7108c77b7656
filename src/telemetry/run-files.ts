/**
 * The output folder's `metrics.jsonl` and `events.jsonl`: a run's record, step by step. Checkpoints and the adapter are
 * only detected here, so that a new run does not overwrite an old one.
 *
 * A step's line is written once the step exists elsewhere: in a worker's replica or a checkpoint. A coordinator killed
 * between the two would continue from a step without a line, so the line is first saved in `.committing`.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";
import { cannotWrite, diskIsFull, JsonLinesFile, JsonSlot, keepLines, readLines, readObjects } from "./json-lines.js";
import { PatientLines } from "./patient-lines.js";
import { readSamples, SamplesFile, type Sample } from "./samples.js";

/** A line of `metrics.jsonl` for a committed step. Users' scripts read the names: add, don't rename. */
export interface StepLine {
  /** From 1. */
  readonly step: number;
  /** Epochs trained after this step, with a fraction. */
  readonly epoch: number;
  /** Nats per supervised token, mean over the global batch. */
  readonly loss: number;
  /** Norm of the mean gradient before clipping. */
  readonly grad_norm: number;
  /** The rate that this step used. */
  readonly learning_rate: number;
  /** Of the step's rows, without padding. */
  readonly tokens: number;
  readonly supervised_tokens: number;
  /** Of all workers together. */
  readonly tokens_per_second: number;
  /** From the previous commit to this one. */
  readonly step_seconds: number;
  /** Workers that could compute in this step. */
  readonly workers: number;
}

/** A line of `metrics.jsonl` for an evaluation. */
export interface EvalLine {
  /** After which step. */
  readonly step: number;
  /** Nats per supervised token over the evaluation set. */
  readonly eval_loss: number;
  /** Share of the evaluation set's answers that equal the expected ones, 0 to 1; absent if not measured. */
  readonly eval_exact_match?: number;
}

/** What happened: the names of events in `events.jsonl`. */
export type EventName =
  | "run_started"
  | "examples_skipped"
  | "run_paused"
  | "run_resumed"
  | "run_finished"
  | "run_stopped"
  | "run_failed"
  | "dataset_resolved"
  | "engine_chosen"
  | "worker_joined"
  | "worker_unreachable"
  | "worker_left"
  | "worker_lost"
  | "events_omitted"
  | "run_recovered"
  | "lease_reissued"
  | "lease_expired"
  | "mesh_failed"
  | "replica_resynchronised"
  | "sum_rejected"
  | "worker_put_out"
  | "verification_undecided"
  | "checkpoint_saved"
  | "checkpoint_failed"
  | "evaluation_finished"
  | "exporter_failed"
  | "best_model"
  | "early_stopping";

/** A line of `events.jsonl`: what happened, when, and details (worker, step, reason …). */
export interface RunEvent {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: EventName;
  readonly [detail: string]: string | number | boolean | null | readonly string[];
}

/** A file with missing lines because its disk is full. */
export interface UnwrittenLines {
  readonly path: string;
  readonly lines: number;
}

export interface RunFiles {
  /**
   * Adds a line to `metrics.jsonl`. While the disk is full, lines wait in memory: training does not depend on them.
   * @throws CoxswainError "storage", as all of these do
   */
  appendMetrics(line: StepLine | EvalLine): void;
  /**
   * Saves a step's line before the step is sent for applying: if an interrupted run continues from that step and
   * `metrics.jsonl` lacks it, it is added.
   */
  committing(line: StepLine): void;
  /** Adds a line to `events.jsonl`. */
  appendEvent(event: RunEvent): void;
  /** Adds the answers to the sample prompts after a step to `samples.jsonl`. */
  appendSamples(samples: readonly Sample[]): void;
  /** The run continues from this step: later lines are dropped from `metrics.jsonl` and will be written again. */
  rewind(step: number): void;
  /**
   * Waits until all lines are on disk. Call it before a checkpoint is put in place: `--resume` keeps the lines before
   * it.
   */
  flush(): void;
  /** Retries writing the waiting lines. @returns the files that still lack some */
  unwritten(): readonly UnwrittenLines[];
  close(): void;
}

export interface RunFilesOptions {
  /** Called once when the disk is full and lines begin to wait for space. */
  readonly onFull?: (error: CoxswainError) => void;
  /**
   * The step that the run continues from (0: from the start, keeping nothing). Later lines are dropped and will be
   * written again. Without it the folder must not contain a run.
   */
  readonly resumeStep?: number;
}

/**
 * Opens the files of a run, creating the folder if necessary.
 * @throws CoxswainError "config" when the folder holds a run and `resumeStep` is not given, "storage"
 */
export function openRunFiles(outputDir: string, options: RunFilesOptions = {}): RunFiles {
  const { resumeStep } = options;
  const metricsPath = join(outputDir, "metrics.jsonl");
  const eventsPath = join(outputDir, "events.jsonl");
  const asidePath = join(outputDir, ".committing");
  try {
    makeFoldersSync(outputDir);
  } catch (error) {
    throw cannotWrite(outputDir, error);
  }
  if (resumeStep === undefined) {
    refuseOldRun(outputDir);
    rmSync(asidePath, { force: true });
  }
  keepLines(eventsPath, () => true);

  let told = false;
  const onFull = (error: CoxswainError): void => {
    if (told) return;
    told = true;
    options.onFull?.(error);
  };
  const samples = new SamplesFile(outputDir, onFull);
  // Without a run, a file of this name is an older run's.
  samples.rewind(resumeStep ?? 0);
  let metrics =
    resumeStep === undefined
      ? new PatientLines(new JsonLinesFile(metricsPath), onFull)
      : endingWith(resumeStep, { path: metricsPath, asidePath, onFull });
  let events: PatientLines;
  let aside: JsonSlot;
  try {
    events = new PatientLines(new JsonLinesFile(eventsPath), onFull);
    aside = new JsonSlot(asidePath);
  } catch (error) {
    metrics.close();
    throw error;
  }
  return {
    appendMetrics: (line) => metrics.append(line),
    committing: (line) => {
      try {
        aside.write(line);
      } catch (error) {
        // It is only used if the coordinator is killed before the step's own line is written.
        if (!diskIsFull(error)) throw error;
        onFull(error);
      }
    },
    appendEvent: (event) => events.append(event),
    appendSamples: (lines) => samples.append(lines),
    rewind: (step) => {
      const { waiting } = metrics;
      samples.rewind(step);
      metrics.close();
      metrics = endingWith(step, { path: metricsPath, asidePath, onFull, waiting });
    },
    flush: () => {
      // Waiting lines do not prevent a checkpoint, which is more valuable.
      metrics.catchUp();
      events.catchUp();
      metrics.flush();
      samples.flush();
      events.flush();
      aside.flush();
    },
    unwritten: () => {
      metrics.catchUp();
      events.catchUp();
      return [
        { path: metricsPath, lines: metrics.waiting.length },
        { path: eventsPath, lines: events.waiting.length },
        { path: samples.path, lines: samples.unwritten() },
      ].filter(({ lines }) => lines > 0);
    },
    close: () => {
      metrics.close();
      samples.close();
      events.close();
      aside.close();
    },
  };
}

interface StepLines {
  readonly path: string;
  readonly asidePath: string;
  readonly onFull: (error: CoxswainError) => void;
  /** Lines that are not in the file yet. */
  readonly waiting?: readonly object[];
}

/** Drops the records of steps after `last`, and adds its line if it is only in `.committing`. */
function endingWith(last: number, { path, asidePath, onFull, waiting = [] }: StepLines): PatientLines {
  const isKept = ({ step }: { readonly step?: unknown }): boolean => typeof step === "number" && step <= last;
  keepLines(path, isKept);
  const kept = waiting.filter(isKept);
  const lines = new PatientLines(new JsonLinesFile(path), onFull, kept);
  try {
    const [aside] = readObjects(asidePath);
    const isOfLast = (line: { readonly step?: unknown; readonly loss?: unknown }): boolean =>
      line.step === last && line.loss !== undefined;
    if (aside?.["step"] === last && ![...readObjects(path), ...kept].some(isOfLast)) lines.append(aside);
  } catch (error) {
    lines.close();
    throw error;
  }
  return lines;
}

const endings = ["run_finished", "run_stopped", "run_failed"] as const satisfies readonly EventName[];

export type RunEnding = (typeof endings)[number];

export interface RecordedEvaluation {
  readonly step: number;
  readonly eval_loss: number | undefined;
  readonly eval_exact_match: number | undefined;
}

/** The state of an interrupted run according to its files. */
export interface RunRecord {
  /** The newest step that was committed; 0 when there is none. */
  readonly step: number;
  /** Worker processes that had joined and not left. */
  readonly workers: readonly { readonly host: string; readonly pid: number }[];
  /** Steps after which an evaluation was made. */
  readonly evaluated: ReadonlySet<number>;
  /** These evaluations, in order; a figure that was not a number is undefined. */
  readonly evaluations: readonly RecordedEvaluation[];
  /** Number of samples in `samples.jsonl` by their step. */
  readonly samples: ReadonlyMap<number, number>;
  /** How it ended, if its coordinator recorded that. */
  readonly ending: RunEnding | undefined;
  /** What computed its shards; undefined if no worker was ready yet, or the record is from an older version. */
  readonly computation: { readonly engine: string; readonly backend: string; readonly device: string } | undefined;
}

/** @throws CoxswainError "storage" */
export function readRunRecord(outputDir: string): RunRecord {
  let step = 0;
  const evaluations = new Map<number, RecordedEvaluation>();
  for (const line of readObjects(join(outputDir, "metrics.jsonl"))) {
    const { step: at, eval_loss: loss, eval_exact_match: exactMatch } = line;
    if (typeof at !== "number") continue;
    if (loss !== undefined)
      evaluations.set(at, { step: at, eval_loss: numberOf(loss), eval_exact_match: numberOf(exactMatch) });
    else step = at;
  }
  const events = readObjects(join(outputDir, "events.jsonl"));
  const samples = new Map<number, number>();
  for (const { step: at } of readSamples(outputDir)) samples.set(at, (samples.get(at) ?? 0) + 1);
  return {
    step,
    samples,
    workers: workersLeft(events),
    evaluated: new Set(evaluations.keys()),
    evaluations: [...evaluations.values()],
    ending: endingOf(events),
    computation: newestComputation(events),
  };
}

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** Workers are told of the end, and leave after it. */
function endingOf(events: readonly Record<string, unknown>[]): RunEnding | undefined {
  const last = events.findLast(({ event }) => event !== "worker_left")?.["event"];
  return endings.find((ending) => ending === last);
}

function newestComputation(events: readonly Record<string, unknown>[]): RunRecord["computation"] {
  const { engine, backend, device } = events.findLast(({ event }) => event === "engine_chosen") ?? {};
  if (typeof engine !== "string" || typeof backend !== "string" || typeof device !== "string") return undefined;
  return { engine, backend, device };
}

function workersLeft(events: readonly Record<string, unknown>[]): RunRecord["workers"] {
  const joined = new Map<unknown, { host: string; pid: number }>();
  for (const { event, worker, host, pid } of events) {
    if (event === "worker_joined" && typeof host === "string" && typeof pid === "number")
      joined.set(worker, { host, pid });
    else if (event === "worker_left") joined.delete(worker);
    // Their state was saved before.
    else if (event === "run_stopped") joined.clear();
  }
  // A process that reconnected has had several names.
  return [...new Map([...joined.values()].map((process) => [`${process.host} ${process.pid}`, process])).values()];
}

/**
 * Refuses to overwrite computed results: steps, checkpoints, an adapter.
 * @throws CoxswainError "config" for a folder that contains any of them
 */
export function refuseOldRun(outputDir: string): void {
  const found = [
    hasEntries(join(outputDir, "adapter")) ? "a finished run (adapter/)" : "",
    hasEntries(join(outputDir, "checkpoints")) ? "checkpoints of a run (checkpoints/)" : "",
    readLines(join(outputDir, "metrics.jsonl")).length > 0 ? "steps of a run (metrics.jsonl)" : "",
  ].find((what) => what !== "");
  if (found === undefined) return;
  throw new CoxswainError("config", `output_dir: ${outputDir} already holds ${found}`, {
    hint: "Use --resume (`resume: true` in a program) to continue it, or choose another output_dir.",
  });
}

function hasEntries(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw new CoxswainError("storage", `${folder}: cannot be read (${code ?? "unknown"})`, {
      hint: "Check the folder's permissions.",
      cause: error,
    });
  }
}
