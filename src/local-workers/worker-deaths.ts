/** When a local worker that dies again and again is given up, and what is said then. Pure. */
import type { RunConfig } from "../config/index.js";
import { CoxswainError, errorCodeOf, isPermanentHere } from "../errors.js";
import type { ErrorCode } from "../errors.js";
import type { LastLogError } from "./last-log-error.js";
import type { MemoryEvidence } from "./memory-evidence.js";
import { evidenceText } from "./memory-evidence.js";

export interface Death {
  /** The newest committed step at that time. */
  readonly step: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why no process could be started, where none was. */
  readonly error?: string;
}

/** Deaths of one worker without a commit in between before the run is stopped. */
export const deathsAllowed = 3;

/** What the exit code of a worker says of the kind of trouble: the run ends with the same. */
function kindOf(death: Death | undefined): ErrorCode {
  const kind = typeof death?.code === "number" ? errorCodeOf(death.code) : undefined;
  // An internal error of the worker is trouble with a worker to the run.
  return kind === undefined || kind === "bug" || kind === "interrupted" ? "cluster" : kind;
}

export interface Judgement {
  /** Those that no commit lies between, the newest last. */
  readonly deaths: readonly Death[];
  readonly verdict: "start another" | "give up";
}

/** @param before deaths of the same worker that no commit lies between */
export function judgeDeath(before: readonly Death[], death: Death): Judgement {
  const deaths = [...before.filter(({ step }) => step === death.step), death];
  return {
    deaths,
    verdict: isPermanentHere(kindOf(death)) || deaths.length >= deathsAllowed ? "give up" : "start another",
  };
}

/** Whether it ended as workers do when the run ends, or when they are told to leave: that may not concern it alone. */
export const isDeparture = ({ code, signal }: Death): boolean =>
  code === 0 || code === toldToLeave || signal === "SIGTERM";

/** Exit code of a worker that SIGTERM ended in order. */
const toldToLeave = 130;

/** How a process ended, in a few words. */
export const howOf = ({ code, signal, error }: Death): string => error ?? signal ?? `exit code ${code}`;

/** The same, as a clause. */
export const endOf = (death: Death): string =>
  death.code === toldToLeave ? "was told to leave (SIGTERM)" : `ended (${howOf(death)})`;

export interface GivenUp {
  readonly index: number;
  /** As of `Judgement`. */
  readonly deaths: readonly Death[];
  readonly memory: MemoryEvidence;
  /** What it said last. */
  readonly words: LastLogError | undefined;
  /** Path of the worker's log. */
  readonly log: string;
  readonly run: { readonly microBatchSize: number; readonly maxLength: number; readonly workers: number };
}

export const runFacts = ({ training, data, workers }: RunConfig): GivenUp["run"] => ({
  microBatchSize: training.micro_batch_size,
  maxLength: data.max_length,
  workers,
});

/** The error that the run ends with. */
export function givenUp({ index, deaths, memory, words, log, run }: GivenUp): CoxswainError {
  const last = deaths.at(-1);
  const how = last === undefined ? "unknown" : howOf(last);
  const kind = kindOf(last);
  const what = isPermanentHere(kind)
    ? `local worker ${index} cannot run (${how})`
    : `local worker ${index} died ${deaths.length} times without a step in between (${how})`;
  if (last?.signal === "SIGKILL")
    return new CoxswainError("cluster", `${what}: ${evidenceText(memory)}`, {
      hint: `${lessMemory(run)} Its log: ${log}`,
    });
  if (words !== undefined)
    return new CoxswainError(kind, `${what}: ${words.error}`, {
      hint: words.hint === undefined ? `Its log: ${log}` : `${words.hint} Its log: ${log}`,
    });
  // Where the disk is full, the log cannot say so.
  if (kind === "storage")
    return new CoxswainError(kind, `${what}: it cannot write its log or another file`, {
      hint: `Free some space on the disk of ${log}, or choose another output_dir.`,
    });
  return new CoxswainError(kind, what, { hint: `Its log ${isPermanentHere(kind) ? "says" : "may say"} why: ${log}` });
}

/** What takes less memory, that which keeps the result first. */
function lessMemory({ microBatchSize, maxLength, workers }: GivenUp["run"]): string {
  const fewer = workers > 1 ? [`--workers ${Math.ceil(workers / 2)} with --resume, which keeps the result`] : [];
  const smaller =
    microBatchSize > 1
      ? `training.micro_batch_size: ${Math.floor(microBatchSize / 2)} in a new run`
      : `a data.max_length below ${maxLength} in a new run`;
  return `Where memory is short, try ${[...fewer, smaller].join(", or ")}; \`coxswain doctor\` with the run file says what it takes.`;
}
