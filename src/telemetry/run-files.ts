/**
 * The output folder's `metrics.jsonl` and `events.jsonl`: what a run did, step by step. Checkpoints and the adapter are
 * not written here; they are only looked for, so that a new run is not started over an old one.
 *
 * A step's line is written once somebody else has the step: a worker's replica, a checkpoint. A coordinator killed between
 * the two would go on from a step without a line, so the line is laid aside first, in `.committing`.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";
import { cannotWrite, diskIsFull, JsonLinesFile, JsonSlot, keepLines, readLines, readObjects } from "./json-lines.js";
import { PatientLines } from "./patient-lines.js";

/** A line of `metrics.jsonl` for a committed step. The names are read by users' scripts: add, don't rename. */
export interface StepLine {
  /** From 1. */
  readonly step: number;
  /** Epochs trained after this step, with a fraction. */
  readonly epoch: number;
  /** Nats a supervised token, mean over the global batch. */
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
  /** From the commit before to this one. */
  readonly step_seconds: number;
  /** Workers that could compute in this step. */
  readonly workers: number;
}

/** A line of `metrics.jsonl` for an evaluation. */
export interface EvalLine {
  /** After which step. */
  readonly step: number;
  /** Nats a supervised token over the evaluation set. */
  readonly eval_loss: number;
}

export type EventName =
  | "run_started"
  | "run_paused"
  | "run_resumed"
  | "run_finished"
  | "run_stopped"
  | "run_failed"
  | "engine_chosen"
  | "worker_joined"
  | "worker_unreachable"
  | "worker_left"
  | "worker_lost"
  | "run_recovered"
  | "lease_reissued"
  | "lease_expired"
  | "mesh_failed"
  | "replica_resynchronised"
  | "checkpoint_saved"
  | "checkpoint_failed"
  | "evaluation_finished";

/** A line of `events.jsonl`: what happened, when, and whatever else tells more (worker, step, reason …). */
export interface RunEvent {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: EventName;
  readonly [detail: string]: string | number | boolean | null;
}

/** A file that lacks lines, because its disk is full. */
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
   * Lays the line of a step aside before anybody is told to apply it: where an interrupted run goes on from that step and
   * `metrics.jsonl` lacks it, it is added.
   */
  committing(line: StepLine): void;
  /** Adds a line to `events.jsonl`. */
  appendEvent(event: RunEvent): void;
  /** The run goes on from this step: lines of later ones are dropped from `metrics.jsonl`, they will be written again. */
  rewind(step: number): void;
  /** Waits until all lines are on the disk. To be called before a checkpoint is put in place: `--resume` keeps what is before it. */
  flush(): void;
  /** Tries once more to write the lines that wait. @returns the files that still lack some */
  unwritten(): readonly UnwrittenLines[];
  close(): void;
}

export interface RunFilesOptions {
  /** The disk is full, and lines wait for room from here on. Told once. */
  readonly onFull?: (error: CoxswainError) => void;
  /**
   * The step that the run goes on from (0: from the start, keeping nothing). Lines of later steps are dropped: they will
   * be written again. Without it the folder must not hold a run.
   */
  readonly resumeStep?: number;
}

/**
 * Opens the files of a run; makes the folder where it is not there.
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
        // It is of use only to a coordinator that is killed before the step's own line is there.
        if (!diskIsFull(error)) throw error;
        onFull(error);
      }
    },
    appendEvent: (event) => events.append(event),
    rewind: (step) => {
      const { waiting } = metrics;
      metrics.close();
      metrics = endingWith(step, { path: metricsPath, asidePath, onFull, waiting });
    },
    flush: () => {
      // Lines that still wait hinder no checkpoint: it is worth more than they are.
      metrics.catchUp();
      events.catchUp();
      metrics.flush();
      events.flush();
      aside.flush();
    },
    unwritten: () => {
      metrics.catchUp();
      events.catchUp();
      return [
        { path: metricsPath, lines: metrics.waiting.length },
        { path: eventsPath, lines: events.waiting.length },
      ].filter(({ lines }) => lines > 0);
    },
    close: () => {
      metrics.close();
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

/** Drops what was recorded of steps after `last`, and adds its line where it is only laid aside. */
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

/** What a run's files say of it where it was interrupted. */
export interface RunRecord {
  /** The newest step that was committed; 0 when there is none. */
  readonly step: number;
  /** Worker processes that took part and had not left. */
  readonly workers: readonly { readonly host: string; readonly pid: number }[];
  /** Steps after which an evaluation was made. */
  readonly evaluated: ReadonlySet<number>;
  /** How it ended, where its coordinator came to write that. */
  readonly ending: RunEnding | undefined;
  /** What its shards were computed with; undefined where no worker was ready yet, or the record is older than that. */
  readonly computation: { readonly engine: string; readonly backend: string; readonly device: string } | undefined;
}

/** @throws CoxswainError "storage" */
export function readRunRecord(outputDir: string): RunRecord {
  let step = 0;
  const evaluated = new Set<number>();
  for (const { step: at, eval_loss: evaluation } of readObjects(join(outputDir, "metrics.jsonl"))) {
    if (typeof at !== "number") continue;
    if (evaluation !== undefined) evaluated.add(at);
    else step = at;
  }
  const events = readObjects(join(outputDir, "events.jsonl"));
  return {
    step,
    workers: workersLeft(events),
    evaluated,
    ending: endingOf(events),
    computation: newestComputation(events),
  };
}

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
    // All that they had was saved first.
    else if (event === "run_stopped") joined.clear();
  }
  // A process that lost its coordinator and came back has had several names.
  return [...new Map([...joined.values()].map((process) => [`${process.host} ${process.pid}`, process])).values()];
}

/**
 * Nothing that took time to compute is written over: steps, checkpoints, an adapter.
 * @throws CoxswainError "config" for a folder that holds any of it
 */
export function refuseOldRun(outputDir: string): void {
  const found = [
    hasEntries(join(outputDir, "adapter")) ? "a finished run (adapter/)" : "",
    hasEntries(join(outputDir, "checkpoints")) ? "checkpoints of a run (checkpoints/)" : "",
    readLines(join(outputDir, "metrics.jsonl")).length > 0 ? "steps of a run (metrics.jsonl)" : "",
  ].find((what) => what !== "");
  if (found === undefined) return;
  throw new CoxswainError("config", `output_dir: ${outputDir} already contains ${found}`, {
    hint: "Use --resume to continue it, or choose another output_dir.",
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
