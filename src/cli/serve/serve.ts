/** The work of `coxswain serve`: takes a run, runs it as `train` would, says what came of it, takes the next. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { addressKeys } from "../../coordinator/index.js";
import { defaultAddresses } from "../../config/index.js";
import type { NatsConnectionSettings, RunConfig } from "../../config/index.js";
import type { CoxswainError } from "../../errors.js";
import { parseSubmission, readSubmission, RunQueue } from "../../nats/index.js";
import type { Submission, TakenRun } from "../../nats/index.js";
import { findHolder } from "../../run-lock.js";
import { conductRun } from "../train/conduct-run.js";
import { onInterruption } from "../process/interruption.js";
import { natsSettings } from "../options/nats.js";
import { attemptsAllowed, openAttempt } from "./attempt.js";
import { judge, judgeError, tooOften } from "./verdict.js";
import type { Verdict } from "./verdict.js";
import type { NatsFlags } from "../options/nats.js";

export interface ServeFlags extends NatsFlags {
  readonly set: readonly string[];
  readonly insecure?: true;
}

/** How long a run is left alone whose folder another coordinator holds: a dead one is known after two minutes, ms. */
const heldDelay = 10_000;

export async function serve(flags: ServeFlags): Promise<void> {
  const settings = await natsSettings(flags);
  const leaving = new AbortController();
  const interruption = onInterruption(() => leaving.abort());
  let warned: string | undefined;
  const warn = ({ message }: CoxswainError): void => {
    if (message !== warned) say(`warning: ${message}`);
    warned = message;
  };
  const queue = await RunQueue.open(settings, leaving.signal, warn);
  try {
    say("waiting for runs");
    for (;;) {
      const taken = await queue.next();
      if (taken === undefined) return;
      warned = undefined;
      await serveOne(taken, queue, settings, flags);
      if (!leaving.signal.aborted) say("waiting for runs");
    }
  } finally {
    interruption.close();
    await queue.close();
  }
}

async function serveOne(
  taken: TakenRun,
  queue: RunQueue,
  settings: NatsConnectionSettings,
  flags: ServeFlags,
): Promise<void> {
  let submission: Submission;
  let config: RunConfig;
  try {
    submission = parseSubmission(taken.payload);
    config = servedConfig(submission, settings, flags);
  } catch (error) {
    await conclude(taken, queue, undefined, judgeError(error, 1));
    return;
  }
  const holder = findHolder(config.output_dir);
  if (holder !== undefined) {
    say(
      `${submission.run}: process ${holder.pid} on ${holder.host} still has ${config.output_dir}; trying again later`,
    );
    await taken.giveBack(heldDelay);
    return;
  }
  await conclude(taken, queue, submission, await run(submission, config, taken.delivery, queue, flags));
}

/** Where it reports to, and under which name, is decided here. @throws CoxswainError "config" */
function servedConfig(submission: Submission, settings: NatsConnectionSettings, flags: ServeFlags): RunConfig {
  const config = readSubmission(submission, flags.set, process.env, existsSync, hostname());
  const nats = { ...settings, run: submission.run, advertise: config.telemetry.nats?.advertise ?? null };
  return { ...config, telemetry: { ...config.telemetry, nats } };
}

async function run(
  { id, run: name }: Submission,
  config: RunConfig,
  delivery: string,
  queue: RunQueue,
  flags: ServeFlags,
): Promise<Verdict> {
  let attempts = 1;
  try {
    const attempt = openAttempt(config.output_dir, id);
    attempts = attempt.attempts;
    if (attempts > attemptsAllowed) throw tooOften(attempts);
    const { resume, step } = attempt;
    say(`${name}: ${resume ? `going on after step ${step}` : "starting"}`);
    queue.announce(name, "taken", `taken:${delivery}`, { submission: id, host: hostname(), pid: process.pid, step });
    const insecure = flags.insecure === true;
    // What was submitted has every default written out: nobody can say any more which of them were chosen.
    const given = { "cluster.listen": config.cluster.listen, "telemetry.http": config.telemetry.http };
    const defaults = new Set(addressKeys.filter((key) => given[key] === defaultAddresses[key]));
    return judge(await conductRun(config, { resume, insecure, localWorkers: true, defaults }), attempts);
  } catch (error) {
    return judgeError(error, attempts);
  }
}

/** Tells it first: a run that has left the queue unheard is worse than one that is told of twice. */
async function conclude(
  taken: TakenRun,
  queue: RunQueue,
  submission: Submission | undefined,
  verdict: Verdict,
): Promise<void> {
  const { kind, ...detail } = verdict;
  const run = submission?.run ?? taken.run;
  say(`${run}: ${inWords(verdict)}`);
  const about = submission === undefined ? {} : { submission: submission.id };
  queue.announce(run, kind, `${kind}:${taken.delivery}`, { ...about, ...detail, host: hostname() });
  if (kind === "returned") await taken.giveBack(verdict.delay);
  else await taken.finish();
}

function inWords(verdict: Verdict): string {
  switch (verdict.kind) {
    case "finished":
      return `finished after ${verdict.step} steps; the adapter is in ${verdict.adapter ?? "its output_dir"}`;
    case "stopped":
      return `${verdict.reason} after step ${verdict.step}`;
    case "rejected":
      return `rejected: ${verdict.error.message}${verdict.error.hint === null ? "" : `\nhint: ${verdict.error.hint}`}`;
    case "returned":
      return `given back to the queue: ${verdict.reason}`;
  }
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
