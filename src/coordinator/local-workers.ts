/**
 * Worker processes on this machine: started with the run, replaced when they die, stopped with it. They are ordinary
 * `coxswain worker` processes that talk to the coordinator over gRPC like any other; the IPC channel only tells them
 * that their parent is gone.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { openSync, closeSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CoxswainError } from "../errors.js";

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

/** A worker that lives shorter than this has failed to start, ms. */
const startedAfter = 10_000;
/** Failed starts in a row before giving up. */
const startsAllowed = 3;
/** Exit codes of a worker that nothing went wrong with: the run is complete, or it was told to leave. */
const over: readonly (number | null)[] = [0, 130];
/** Exit codes of mistakes that a new process would make again: configuration, data, model. */
const hopeless: readonly number[] = [2, 3, 4];

export function startLocalWorkers(options: LocalWorkersOptions): LocalWorkers {
  mkdirSync(options.logFolder, { recursive: true });
  const slots = Array.from({ length: options.count }, (_, index) => new Slot(index, options));
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
  #child: ChildProcess | undefined;
  #closing = false;
  #failedStarts = 0;
  #restart: NodeJS.Timeout | undefined;

  constructor(index: number, options: LocalWorkersOptions) {
    this.#index = index;
    this.#options = options;
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

  #start(): void {
    const { coordinator, token, args, environments, logFolder } = this.#options;
    const program = this.#options.program ?? fileURLToPath(new URL("../cli/main.js", import.meta.url));
    const log = openSync(join(logFolder, `worker-${this.#index}.log`), "a");
    const started = Date.now();
    const child = fork(program, ["worker", "--coordinator", coordinator, ...args], {
      stdio: ["ignore", log, log, "ipc"],
      env: { ...process.env, ...environments?.[this.#index], ...(token === null ? {} : { COXSWAIN_TOKEN: token }) },
    });
    closeSync(log);
    this.#child = child;
    child.on("exit", (code, signal) => this.#onExit(code, signal, Date.now() - started));
    child.on("error", (error) => this.#options.note(`worker ${this.#index}: ${error.message}`));
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null, lifetime: number): void {
    this.#child = undefined;
    if (this.#closing || over.includes(code)) return;
    const how = signal ?? `exit code ${code}`;
    this.#failedStarts = lifetime < startedAfter && signal === null ? this.#failedStarts + 1 : 0;
    const log = join(this.#options.logFolder, `worker-${this.#index}.log`);
    if ((code !== null && hopeless.includes(code)) || this.#failedStarts >= startsAllowed) {
      this.#options.onFailure(
        new CoxswainError("cluster", `local worker ${this.#index} cannot run (${how})`, {
          hint: `Its log says why: ${log}`,
        }),
      );
      return;
    }
    this.#options.note(`local worker ${this.#index} ended (${how}); starting another`);
    this.#restart = setTimeout(() => this.#start(), 500 * 2 ** this.#failedStarts);
  }
}
