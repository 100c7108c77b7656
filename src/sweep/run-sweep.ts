/**
 * Conducts a sweep: trains its trials on a pool of workers, several at a time, and writes down how each arrived. What is
 * trained next follows from `results.jsonl` alone (halving.ts), so a sweep that was killed continues to the same outcome.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.js";
import { formatAddress, parseAddress, refuseExposure } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { asCoxswainError, startSharedWorkers } from "../library/index.js";
import type { LocalWorkers } from "../local-workers/index.js";
import { makeFolders } from "../make-folders.js";
import { lockOutputFolder } from "../run-lock.js";
import { sweepPlanFile } from "../sweep-folder.js";
import { bestResult, openJobs, rungsOf } from "./halving.js";
import type { Job } from "./halving.js";
import { Journal } from "./journal.js";
import type { Entry } from "./journal.js";
import { incomparable, trialFolder } from "./load.js";
import type { Sweep } from "./load.js";
import { SweepPage } from "./page/page.js";
import { checkPlan, planPath, writePlan } from "./recorded-plan.js";
import { SweepPool } from "./pool/pool.js";
import { sweepStatus } from "./status.js";
import type { Progress, SweepStatus } from "./status.js";
import { trainTrial } from "./trial.js";

export interface RunSweepOptions {
  /** Continue the sweep in `output_dir`. */
  readonly resume: boolean;
  /** Listen beyond loopback without TLS or a token. */
  readonly insecure: boolean;
  readonly clock: Clock;
  /** Finishes and saves the steps in flight, and ends. */
  readonly signal: AbortSignal;
  readonly onListening: (address: { readonly host: string; readonly port: number }) => void;
  /** Called when something has changed, with every step of every trial. @param status what is so now */
  readonly onChange: (status: () => SweepStatus) => void;
  readonly onNote: (text: string) => void;
  /** A trial has arrived at a rung, and is on disk. */
  readonly onArrival: (entry: Entry) => void;
  /** @param pids the local workers' process ids, now */
  readonly onWorkers: (pids: () => readonly number[]) => void;
}

export interface FinishedSweep {
  readonly status: SweepStatus;
  readonly entries: readonly Entry[];
  /** Undefined: no trial was trained to its end. */
  readonly best: Entry | undefined;
}

/** @throws CoxswainError "interrupted" if the signal is aborted; for what ends every trial; "config" for another sweep */
export async function runSweep(sweep: Sweep, options: RunSweepOptions): Promise<FinishedSweep> {
  const { outputDir, base } = sweep;
  const { tls, token } = base.config.cluster;
  const address = parseAddress(base.config.cluster.listen, { name: "cluster.listen", allowPortZero: true });
  refuseExposure(
    { listen: address, tls: tls !== null, token: token !== null, insecure: options.insecure },
    "cluster.listen",
  );
  checkFolder(outputDir, options.resume);
  await makeFolders(outputDir);
  const lock = lockOutputFolder(outputDir);
  try {
    if (options.resume && existsSync(planPath(outputDir))) checkPlan(sweep);
    else await writePlan(sweep);
    const journal = new Journal(outputDir, sweep.trials.length, (entry) => stillHolds(entry, sweep));
    try {
      return await new Conduct(sweep, journal, options).run(address);
    } finally {
      journal.close();
    }
  } finally {
    lock.release();
  }
}

/** A trial that failed is tried again, and one that is not there any more is trained again. */
function stillHolds({ trial, rung, outcome }: Entry, { outputDir, rules }: Sweep): boolean {
  if (outcome === "failed") return false;
  const isWhole = outcome === "reached" && rung === rungsOf(rules) - 1;
  return !isWhole || existsSync(join(trialFolder(outputDir, trial), "adapter"));
}

/** @throws CoxswainError "config" */
function checkFolder(outputDir: string, resume: boolean): void {
  const present = existsSync(outputDir) ? readdirSync(outputDir).filter((name) => name !== ".lock") : [];
  if (present.length === 0 || (resume && present.includes(sweepPlanFile))) return;
  const isSweep = present.includes(sweepPlanFile);
  throw new CoxswainError("config", `output_dir: ${outputDir} already holds ${isSweep ? "a sweep" : "other files"}`, {
    hint: isSweep
      ? "Use --resume to continue it, or choose another output_dir in the sweep file."
      : "Choose another output_dir in the sweep file: a sweep needs a folder of its own.",
  });
}

class Conduct {
  readonly #sweep: Sweep;
  readonly #journal: Journal;
  readonly #options: RunSweepOptions;
  readonly #running = new Map<number, Progress>();
  /** Their data is being read: workers wait for them. */
  readonly #opening = new Set<number>();
  readonly #under = new Set<Promise<void>>();
  /** Ends all trials: asked from outside, or because one of them failed for a reason that would end all. */
  readonly #ending = new AbortController();
  #error: CoxswainError | undefined;
  #pool: SweepPool | undefined;
  #workers: LocalWorkers | undefined;
  #page: SweepPage | undefined;
  #over = false;
  #steps = 0;

  constructor(sweep: Sweep, journal: Journal, options: RunSweepOptions) {
    this.#sweep = sweep;
    this.#journal = journal;
    this.#options = options;
  }

  async run(address: { readonly host: string; readonly port: number }): Promise<FinishedSweep> {
    const { signal, clock } = this.#options;
    const abort = (): void => this.#ending.abort();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      if (openJobs(this.#journal.entries, this.#sweep.rules).length > 0) await this.#train(address, clock);
    } finally {
      signal.removeEventListener("abort", abort);
    }
    if (this.#error !== undefined) throw this.#error;
    this.#throwIfInterrupted();
    const { entries } = this.#journal;
    const status = this.#status(true);
    this.#options.onChange(() => status);
    return { status, entries, best: bestResult(entries, this.#sweep.rules) };
  }

  async #train(address: { readonly host: string; readonly port: number }, clock: Clock): Promise<void> {
    const { base, outputDir } = this.#sweep;
    const { cluster } = base.config;
    const pool = await SweepPool.open({ cluster, address, clock, onChange: () => this.#advance() });
    this.#pool = pool;
    const complete = (): boolean => openJobs(this.#journal.entries, this.#sweep.rules).length === 0;
    try {
      const listening = { host: address.host, port: pool.port };
      this.#options.onListening(listening);
      this.#options.onNote(`listening on ${formatAddress(listening)}`);
      const warning = incomparable(this.#sweep);
      if (warning !== undefined) this.#options.onNote(warning);
      this.#page = await SweepPage.open(this.#sweep, {
        status: () => this.#status(complete()),
        note: (text) => this.#options.onNote(text),
        now: () => clock.now(),
      });
      if (base.config.workers > 0) {
        const config = { ...base.config, output_dir: outputDir };
        const whom = {
          address: listening,
          committed: () => this.#steps,
          isEnding: () => this.#over,
          onFailure: (error: CoxswainError) => this.#fail(error),
        };
        this.#workers = await startSharedWorkers(config, whom, (text) => this.#options.onNote(text));
        this.#options.onWorkers(() => this.#workers?.pids ?? []);
      }
      this.#advance();
      while (this.#under.size > 0) {
        await Promise.race(this.#under);
        this.#advance();
      }
    } finally {
      this.#over = true;
      const end = this.#error !== undefined ? "failed" : complete() ? "completed" : "stopped";
      const served = this.#page?.close(end, this.#options.signal);
      await pool.dismiss(complete());
      await this.#workers?.close();
      await pool.close();
      await served;
    }
  }

  /** Opens as many trials as there are workers for. */
  #advance(): void {
    const pool = this.#pool;
    if (pool === undefined || this.#over) return;
    const jobs = this.#ending.signal.aborted
      ? []
      : openJobs(this.#journal.entries, this.#sweep.rules).filter(({ trial }) => !this.#running.has(trial));
    // Local workers are on their way.
    const wanted = Math.max(1, pool.size, this.#sweep.base.config.workers) - this.#running.size;
    const next = jobs.slice(0, Math.max(0, wanted));
    for (const job of next) this.#begin(job);
    pool.opening = this.#opening.size > 0 || jobs.length > next.length;
    this.#page?.change();
    this.#options.onChange(() => this.#status(false));
  }

  #begin(job: Job): void {
    this.#running.set(job.trial, { state: "starting", step: 0, totalSteps: undefined, loss: undefined });
    this.#opening.add(job.trial);
    const done: Promise<void> = this.#carryOut(job)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#running.delete(job.trial);
        this.#opening.delete(job.trial);
        this.#under.delete(done);
      });
    this.#under.add(done);
  }

  async #carryOut({ trial: index, rung }: Job): Promise<void> {
    const { rules, metric, trials, base } = this.#sweep;
    const trial = trials[index];
    const pool = this.#pool;
    if (trial === undefined || pool === undefined) throw new CoxswainError("bug", `there is no trial ${index}`);
    const entry = await trainTrial(trial, {
      rung,
      rules,
      metric,
      pool: { gateway: pool, isLocal: base.config.workers > 0 },
      signal: this.#ending.signal,
      onOpen: () => {
        this.#opening.delete(index);
        this.#advance();
      },
      onStep: ({ step, totalSteps, loss }) => {
        this.#steps++;
        this.#page?.step(index, step, loss, this.#options.clock.wallClock());
        this.#running.set(index, { state: "training", step, totalSteps, loss });
        this.#options.onChange(() => this.#status(false));
      },
      onNote: (text) => this.#options.onNote(`trial ${index}: ${text}`),
    });
    if (entry === undefined) return;
    this.#journal.append(entry);
    this.#options.onArrival(entry);
  }

  #fail(error: unknown): void {
    this.#error ??= asCoxswainError(error);
    this.#ending.abort();
  }

  #throwIfInterrupted(): void {
    if (!this.#options.signal.aborted || openJobs(this.#journal.entries, this.#sweep.rules).length === 0) return;
    throw new CoxswainError("interrupted", "the sweep was stopped; its trials are saved", {
      hint: "To continue, start it again with --resume.",
    });
  }

  #status(complete: boolean): SweepStatus {
    const workers = this.#pool?.size ?? 0;
    return sweepStatus(this.#sweep, this.#journal.entries, this.#running, { workers, complete });
  }
}
