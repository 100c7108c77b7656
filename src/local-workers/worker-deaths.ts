/** Decides when to give up on a local worker that keeps dying, and builds the error. Pure. */
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
  /** Why the process could not be started, if so. */
  readonly error?: string;
}

/** Number of consecutive deaths of one worker, without a commit in between, that stop the run. */
export const deathsAllowed = 3;

/** The kind of error according to the worker's exit code: the run ends with the same. */
function kindOf(death: Death | undefined): ErrorCode {
  const kind = typeof death?.code === "number" ? errorCodeOf(death.code) : undefined;
  // To the run, an internal error of a worker is a cluster error.
  return kind === undefined || kind === "bug" || kind === "interrupted" ? "cluster" : kind;
}

export interface Judgement {
  /** Deaths without a commit in between, the newest last. */
  readonly deaths: readonly Death[];
  readonly verdict: "start another" | "give up";
}

/** @param before earlier deaths of the same worker without a commit in between */
export function judgeDeath(before: readonly Death[], death: Death): Judgement {
  const deaths = [...before.filter(({ step }) => step === death.step), death];
  return {
    deaths,
    verdict: isPermanentHere(kindOf(death)) || deaths.length >= deathsAllowed ? "give up" : "start another",
  };
}

/** Whether it ended as workers do at the end of the run or after SIGTERM: the cause may affect the whole run. */
export const isDeparture = ({ code, signal }: Death): boolean =>
  code === 0 || code === toldToLeave || signal === "SIGTERM";

/** Exit code of a worker that shut down cleanly after SIGTERM. */
const toldToLeave = 130;

/** How a process ended, in a few words. */
export const howOf = ({ code, signal, error }: Death): string => error ?? signal ?? `exit code ${code}`;

/** The same, as a clause. */
export const endOf = (death: Death): string =>
  death.code === toldToLeave ? "left after SIGTERM" : `ended (${howOf(death)})`;

export interface GivenUp {
  readonly index: number;
  /** As in `Judgement`. */
  readonly deaths: readonly Death[];
  readonly memory: MemoryEvidence;
  /** The last error in its log. */
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
  // If the disk is full, the error cannot be logged.
  if (kind === "storage")
    return new CoxswainError(kind, `${what}: it cannot write its log or another file`, {
      hint: `Free some space on the disk of ${log}, or choose another output_dir.`,
    });
  return new CoxswainError(kind, what, {
    hint: `Its log ${isPermanentHere(kind) ? "explains" : "may explain"} why: ${log}`,
  });
}

/** Ways to use less memory; first those that keep the result. */
function lessMemory({ microBatchSize, maxLength, workers }: GivenUp["run"]): string {
  const fewer = workers > 1 ? [`--workers ${Math.ceil(workers / 2)} with --resume, which keeps the result`] : [];
  const smaller =
    microBatchSize > 1
      ? `training.micro_batch_size: ${Math.floor(microBatchSize / 2)} in a new run`
      : `a data.max_length below ${maxLength} in a new run`;
  return `If memory is short, try ${[...fewer, smaller].join(", or ")}; \`coxswain doctor\` with the run file reports how much memory it needs.`;
}
