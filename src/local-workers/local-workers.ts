/**
 * Worker processes on this machine: started with the run, restarted when they die, and stopped with the run. They are
 * ordinary `coxswain worker` processes that talk to the coordinator over gRPC like any other; the IPC channel only lets
 * them detect that their parent is gone.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, fstatSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CoxswainError } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";
import { openOwnFile } from "../own-files.js";
import { storageTrouble } from "../storage/index.js";
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
  /** Additional environment variables per worker (its GPU). Workers beyond the array's length get none. */
  readonly environments?: readonly Readonly<Record<string, string>>[];
  /** The folder of worker-0.log …, which are appended to. */
  readonly logFolder: string;
  /** The `coxswain` program. Default: this build's own. */
  readonly program?: string;
  /** The newest committed step. */
  readonly committed: () => number;
  /** Whether the run is over or ending: workers that leave then are not restarted. */
  readonly isEnding: () => boolean;
  /** Facts about the run for the hint when a worker runs out of memory. */
  readonly run: GivenUp["run"];
  readonly note: (text: string) => void;
  /** Called when a worker cannot be kept running, or its error would recur in any worker. */
  readonly onFailure: (error: CoxswainError) => void;
}

export interface LocalWorkers {
  /** Process ids of the running workers. */
  readonly pids: readonly number[];
  /** Stops restarting workers, waits for them to exit, then kills the rest. */
  close(graceMs?: number): Promise<void>;
}

/** Delay before a worker is restarted, ms; doubled with each death. */
const restartDelay = 500;
/** Interval between memory measurements of a worker, ms. */
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

/** One worker, across restarts. */
class Slot {
  readonly #index: number;
  readonly #options: LocalWorkersOptions;
  /** Kills counted before the first worker was started. */
  readonly #kills: KillCounters;
  #child: ChildProcess | undefined;
  #closing = false;
  #deaths: readonly Death[] = [];
  #restart: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  /** Peak memory measured for the current process, bytes. */
  #peak: number | undefined;
  /** Offset in the log where the current process began to write, bytes. */
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

  /** @throws CoxswainError "storage" */
  #openLog(): number {
    try {
      return openOwnFile(this.#log, "append");
    } catch (error) {
      throw storageTrouble(error, this.#log);
    }
  }

  #startAgain(): void {
    try {
      this.#start();
    } catch (error) {
      if (!(error instanceof CoxswainError)) throw error;
      this.#options.onFailure(error);
    }
  }

  /** @throws CoxswainError "storage" if its log cannot be opened */
  #start(): void {
    const { coordinator, token, args, environments } = this.#options;
    const program = this.#options.program ?? fileURLToPath(new URL("../cli/main.js", import.meta.url));
    const log = this.#openLog();
    this.#logStart = fstatSync(log).size;
    const child = fork(program, ["worker", "--coordinator", coordinator, ...args], {
      // Options of the program's own node are for the program: --inspect-brk would wait, --input-type takes no file.
      execArgv: [],
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
    // A process that cannot be started emits no "exit".
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
    // Ctrl-C and `timeout` signal all processes of a run: a worker may have left before this process gets the signal.
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
    this.#restart = setTimeout(() => this.#startAgain(), restartDelay * 2 ** deaths.length);
  }
}
