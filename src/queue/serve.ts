/**
 * Serves the queue over NATS: takes a run, trains it, reports its result, and takes the next. The caller displays the
 * progress of a run.
 */
import { hostname } from "node:os";
import type { LoadedRun, NatsConnectionSettings, RunConfig } from "../config/index.js";
import type { CoxswainError } from "../errors.js";
import type { FinishedRun } from "../library/index.js";
import { parseSubmission, requireSignature, RunQueue } from "../nats/index.js";
import type { Submission, TakenRun } from "../nats/index.js";
import { findHolder } from "../run-lock.js";
import { admit } from "./admission.js";
import { openAttempt, recordVerdict } from "./attempt.js";
import { attemptsAllowed } from "./limits.js";
import { servedRun } from "./served-run.js";
import type { Roots } from "./roots.js";
import { judge, judgeError, toldVerdict, tooOften } from "./verdict.js";
import type { Verdict } from "./verdict.js";

/** An action of a server of the queue. */
export type QueueEvent =
  | { readonly kind: "waiting" }
  /** A problem with the connection to NATS. Reported once per run. */
  | { readonly kind: "trouble"; readonly message: string }
  /** Another coordinator still uses the run's folder: the run is tried again later. */
  | {
      readonly kind: "held";
      readonly run: string;
      readonly outputDir: string;
      readonly pid: number;
      readonly host: string;
    }
  | { readonly kind: "started"; readonly run: string; readonly resume: boolean; readonly step: number }
  | { readonly kind: "concluded"; readonly run: string; readonly verdict: Verdict };

export interface ServeOptions {
  readonly settings: NatsConnectionSettings;
  /** `key=value` settings that override those of every run. */
  readonly sets: readonly string[];
  /** The folders that runs may read and write. */
  readonly roots: Roots;
  /** Public keys of those whose runs are executed; null: everybody's who may publish on the queue. */
  readonly acceptFrom: readonly string[] | null;
  /** Ends the server after the current run. */
  readonly signal: AbortSignal;
  /** Trains a run to its end. */
  readonly train: (run: LoadedRun, options: { readonly resume: boolean }) => Promise<FinishedRun>;
  readonly report: (event: QueueEvent) => void;
}

/** Delay before retrying a run whose folder another coordinator uses, ms. A dead one is detected after two minutes. */
const heldDelay = 10_000;

/** Resolves when the signal is aborted. @throws CoxswainError "network" if NATS cannot be reached */
export async function serveQueue(options: ServeOptions): Promise<void> {
  const { settings, signal, report } = options;
  let warned: string | undefined;
  const warn = ({ message }: CoxswainError): void => {
    if (message !== warned) report({ kind: "trouble", message });
    warned = message;
  };
  const queue = await RunQueue.open(settings, signal, warn);
  try {
    report({ kind: "waiting" });
    for (;;) {
      const taken = await queue.next();
      if (taken === undefined) return;
      warned = undefined;
      await serveOne(taken, queue, options);
      if (!signal.aborted) report({ kind: "waiting" });
    }
  } finally {
    await queue.close();
  }
}

async function serveOne(taken: TakenRun, queue: RunQueue, options: ServeOptions): Promise<void> {
  const { report } = options;
  let submission: Submission;
  let config: RunConfig;
  try {
    submission = parseSubmission(taken.payload);
    requireSignature(submission, options.acceptFrom);
    config = admit(submission, { ...options, environment: process.env, host: hostname() });
  } catch (error) {
    await refuse(taken, queue, judgeError(error, 1), report);
    return;
  }
  const holder = findHolder(config.output_dir);
  if (holder !== undefined) {
    const { pid, host } = holder;
    report({ kind: "held", run: submission.run, outputDir: config.output_dir, pid, host });
    await taken.giveBack(heldDelay);
    return;
  }
  const verdict = await run(submission, config, taken.delivery, queue, options);
  recordVerdict(config.output_dir, submission.id, verdict);
  await conclude(taken, queue, submission, verdict, report);
}

async function run(
  { id, run: name }: Submission,
  config: RunConfig,
  delivery: string,
  queue: RunQueue,
  { train, report }: ServeOptions,
): Promise<Verdict> {
  let attempts = 1;
  try {
    const attempt = openAttempt(config.output_dir, id);
    attempts = attempt.attempts;
    if (attempts > attemptsAllowed) throw tooOften(attempts);
    const { resume, step } = attempt;
    report({ kind: "started", run: name, resume, step });
    queue.announce(name, "taken", `taken:${delivery}`, { submission: id, host: hostname(), pid: process.pid, step });
    return judge(await train(servedRun(name, config), { resume }), attempts);
  } catch (error) {
    return judgeError(error, attempts);
  }
}

/** What was refused is told in full: it has no more than the submission said. */
async function refuse(
  taken: TakenRun,
  queue: RunQueue,
  verdict: Verdict,
  report: ServeOptions["report"],
): Promise<void> {
  report({ kind: "concluded", run: taken.run, verdict });
  const { kind, ...detail } = verdict;
  queue.announce(taken.run, kind, `${kind}:${taken.delivery}`, { ...detail, host: hostname() });
  if (kind === "returned") await taken.giveBack(verdict.delay);
  else await taken.finish();
}

/** Reports the result before acknowledging the run: reporting it twice is better than not at all. */
async function conclude(
  taken: TakenRun,
  queue: RunQueue,
  { id, run: name }: Submission,
  verdict: Verdict,
  report: ServeOptions["report"],
): Promise<void> {
  report({ kind: "concluded", run: name, verdict });
  const { kind, ...detail } = toldVerdict(verdict);
  queue.announce(name, kind, `${kind}:${taken.delivery}`, { submission: id, ...detail, host: hostname() });
  if (kind === "returned") await taken.giveBack(verdict.kind === "returned" ? verdict.delay : 0);
  else await taken.finish();
}
