/**
 * Serves the queue over NATS: takes a run, trains it, reports its result, and takes the next. The caller displays the
 * progress of a run.
 */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { defaultAddresses } from "../config/index.js";
import type { LoadedRun, NatsConnectionSettings, RunConfig } from "../config/index.js";
import type { CoxswainError } from "../errors.js";
import type { FinishedRun } from "../library/index.js";
import { parseSubmission, readSubmission, RunQueue } from "../nats/index.js";
import type { Submission, TakenRun } from "../nats/index.js";
import { findHolder } from "../run-lock.js";
import { attemptsAllowed, openAttempt } from "./attempt.js";
import { refuseSubmittedCommand } from "./own-commands.js";
import { judge, judgeError, tooOften } from "./verdict.js";
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
    config = servedConfig(submission, options);
  } catch (error) {
    await conclude(taken, queue, undefined, judgeError(error, 1), report);
    return;
  }
  const holder = findHolder(config.output_dir);
  if (holder !== undefined) {
    const { pid, host } = holder;
    report({ kind: "held", run: submission.run, outputDir: config.output_dir, pid, host });
    await taken.giveBack(heldDelay);
    return;
  }
  await conclude(taken, queue, submission, await run(submission, config, taken.delivery, queue, options), report);
}

/** Overrides where the run reports to, and under which name. @throws CoxswainError "config" */
function servedConfig(submission: Submission, { settings, sets }: ServeOptions): RunConfig {
  const config = readSubmission(submission, sets, process.env, existsSync, hostname());
  refuseSubmittedCommand(config, sets);
  const nats = { ...settings, run: submission.run, advertise: config.telemetry.nats?.advertise ?? null };
  return { ...config, telemetry: { ...config.telemetry, nats } };
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
    return judge(await train(loaded(name, config), { resume }), attempts);
  } catch (error) {
    return judgeError(error, attempts);
  }
}

/** A submission contains all defaults explicitly; an address equal to the default is treated as not given. */
function loaded(name: string, config: RunConfig): LoadedRun {
  const given = { "cluster.listen": config.cluster.listen, "telemetry.http": config.telemetry.http };
  const isDefault = (key: string): boolean =>
    (key === "cluster.listen" || key === "telemetry.http") && given[key] === defaultAddresses[key];
  return { config, name, path: undefined, directory: config.output_dir, isGiven: (key) => !isDefault(key) };
}

/** Reports the result before acknowledging the run: reporting it twice is better than not at all. */
async function conclude(
  taken: TakenRun,
  queue: RunQueue,
  submission: Submission | undefined,
  verdict: Verdict,
  report: ServeOptions["report"],
): Promise<void> {
  const { kind, ...detail } = verdict;
  const name = submission?.run ?? taken.run;
  report({ kind: "concluded", run: name, verdict });
  const about = submission === undefined ? {} : { submission: submission.id };
  queue.announce(name, kind, `${kind}:${taken.delivery}`, { ...about, ...detail, host: hostname() });
  if (kind === "returned") await taken.giveBack(verdict.delay);
  else await taken.finish();
}
