/**
 * Worker processes on this machine: started with the run, replaced when they die, stopped with it. They are ordinary
 * `coxswain worker` processes that talk to the coordinator over gRPC like any other; the IPC channel only tells them
 * that their parent is gone.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CoxswainError } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";
import { readLastLogError } from "./last-log-error.js";
import { readEvidence, readKills, readPeak } from "./memory-evidence.js";
import type { KillCounters } from "./memory-evidence.js";
import { endOf, givenUp, isDeparture, judgeDeath } from "./worker-deaths.js";
import type { Death, GivenUp } from "./worker-deaths.js";

export interface LocalWorkersOptions {
  readonly count: number;
  /** HOST:PORT. */
  readonly coordinator: string;
  readonly token: string | null;
  /** Further arguments of `coxswain worker`, such as TLS files. */
  readonly args: readonly string[];
  /** The environment of each besides this process's: which GPU it is to use. None where there are fewer. */
  readonly environments?: readonly Readonly<Record<string, string>>[];
  /** worker-0.log … are appended to here. */
  readonly logFolder: string;
  /** The `coxswain` program; this build's own where absent. */
  readonly program?: string;
  /** The newest committed step. */
  readonly committed: () => number;
  /** Whether the run is over, or about to be: workers that leave then are not replaced. */
  readonly isEnding: () => boolean;
  /** What to say of the run where a worker runs out of memory. */
  readonly run: GivenUp["run"];
  readonly note: (text: string) => void;
  /** No worker can be kept running, or one says that the run itself is wrong. */
  readonly onFailure: (error: CoxswainError) => void;
}

export interface LocalWorkers {
  /** Process ids of those that run now. */
  readonly pids: readonly number[];
  /** Stops replacing them, waits for them to end by themselves, then kills. */
  close(graceMs?: number): Promise<void>;
}

/** Before a worker is started again, ms; doubled with each death. */
const restartDelay = 500;
/** Between two looks at how much memory a worker takes, ms. */
const lookInterval = 1_000;

export function startLocalWorkers(options: LocalWorkersOptions): LocalWorkers {
  makeFoldersSync(options.logFolder);
  const kills = readKills();
  const slots = Array.from({ length: options.count }, (_, index) => new Slot(index, options, kills));
  return {
    get pids() {
      return slots.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    },
    close: async (graceMs = 5_000) => {
      await Promise.all(slots.map((slot) => slot.close(graceMs)));
    },
  };
}

/** One of the workers, over all its lives. */
class Slot {
  readonly #index: number;
  readonly #options: LocalWorkersOptions;
  /** Before the first worker was started. */
  readonly #kills: KillCounters;
  #child: ChildProcess | undefined;
  #closing = false;
  #deaths: readonly Death[] = [];
  #restart: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  /** The most memory that the current process was seen to have, bytes. */
  #peak: number | undefined;
  /** Where the current process began to write in its log, bytes. */
  #logStart = 0;

  constructor(index: number, options: LocalWorkersOptions, kills: KillCounters) {
    this.#index = index;
    this.#options = options;
    this.#kills = kills;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      const kill = setTimeout(() => child.kill("SIGKILL"), graceMs);
      child.once("exit", () => {
        clearTimeout(kill);
        resolve();
      });
    });
  }

  get #log(): string {
    return join(this.#options.logFolder, `worker-${this.#index}.log`);
  }

  #start(): void {
    const { coordinator, token, args, environments } = this.#options;
    const program = this.#options.program ?? fileURLToPath(new URL("../cli/main.js", import.meta.url));
    const log = openSync(this.#log, "a");
    this.#logStart = fstatSync(log).size;
    const child = fork(program, ["worker", "--coordinator", coordinator, ...args], {
      stdio: ["ignore", log, log, "ipc"],
      env: { ...process.env, ...environments?.[this.#index], ...(token === null ? {} : { COXSWAIN_TOKEN: token }) },
    });
    closeSync(log);
    this.#child = child;
    this.#peak = undefined;
    this.#look = setInterval(() => {
      this.#peak = (child.pid === undefined ? undefined : readPeak(child.pid)) ?? this.#peak;
    }, lookInterval).unref();
    child.on("exit", (code, signal) => this.#onEnd(child, { code, signal }));
    // One that cannot be started does not exit.
    child.on("error", ({ message }) => {
      if (child.pid === undefined) this.#onEnd(child, { code: null, signal: null, error: message });
      else this.#options.note(`local worker ${this.#index}: ${message}`);
    });
  }

  #onEnd({ pid }: ChildProcess, end: Omit<Death, "step">): void {
    clearInterval(this.#look);
    this.#child = undefined;
    if (this.#closing) return;
    const death = { ...end, step: this.#options.committed() };
    if (!isDeparture(death)) {
      this.#replace(pid, death);
      return;
    }
    // Ctrl-C and `timeout` tell all processes of a run: a worker may have left before this one has heard of it.
    this.#restart = setTimeout(() => {
      if (!this.#options.isEnding()) this.#replace(pid, death);
    }, restartDelay);
  }

  #replace(pid: number | undefined, death: Death): void {
    const { run, note, onFailure } = this.#options;
    const { deaths, verdict } = judgeDeath(this.#deaths, death);
    this.#deaths = deaths;
    if (verdict === "give up") {
      const memory = readEvidence({ pid, peak: this.#peak, before: this.#kills });
      const words = readLastLogError(this.#log, this.#logStart);
      onFailure(givenUp({ index: this.#index, deaths, memory, words, log: this.#log, run }));
      return;
    }
    note(`local worker ${this.#index} ${endOf(death)}; starting another`);
    this.#restart = setTimeout(() => this.#start(), restartDelay * 2 ** deaths.length);
  }
}
