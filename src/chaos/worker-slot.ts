/** One of a cluster's workers, across restarts: can be frozen, slowed and killed, and is restarted when it ends. */
import { join } from "node:path";
import { detach } from "../async/index.js";
import { messageOf } from "../errors.js";
import type { Guard } from "./guard.js";
import type { WorkerNetwork } from "./network.js";
import type { Slowness } from "./plan.js";
import { ManagedProcess, howOf } from "./process.js";
import type { Exit } from "./process.js";
import type { Proxy } from "./proxy.js";
import { SlowDown } from "./slow-down.js";

/** Unexpected exits soon after the start, in a row. */
const failuresAllowed = 5;
/** A worker that exits earlier than this has failed to start, ms. */
const startedAfter = 10_000;

/** What the processes of a cluster have in common. */
export interface ProcessOptions {
  /** The program's main module. */
  readonly program: string;
  /** Arguments of `coxswain worker` for the run's TLS, if any. */
  readonly tlsFlags: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly logFolder: string;
  /** Seconds before a process that ended is restarted. */
  readonly restartAfter: number;
  readonly slow: Slowness | null;
  readonly guard: Guard;
  /** A process ended unexpectedly. */
  readonly onSurprise: (text: string) => void;
}

export interface SlotOptions extends ProcessOptions {
  /** Its speed may have changed. */
  readonly changed: () => void;
  /** The worker cannot be kept running. */
  readonly failed: (reason: string) => void;
}

export class WorkerSlot {
  readonly index: number;
  readonly network: Proxy;
  readonly #flags: readonly string[];
  readonly #options: SlotOptions;
  readonly #slowDown: SlowDown | undefined;
  #process: ManagedProcess | undefined;
  /** The process that is frozen, if one is. */
  #frozen: ManagedProcess | undefined;
  #killed = false;
  #closing = false;
  #failures = 0;
  #restart: NodeJS.Timeout | undefined;

  constructor(index: number, { proxy, flags }: WorkerNetwork, options: SlotOptions) {
    this.index = index;
    this.network = proxy;
    this.#flags = flags;
    this.#options = options;
    const { slow } = options;
    if (slow !== null && index < slow.workers)
      this.#slowDown = new SlowDown(slow.factor, () => (this.frozen ? undefined : this.#process));
  }

  start(): void {
    const { program, tlsFlags, environment, logFolder, guard } = this.#options;
    const process = new ManagedProcess({
      words: [program, "worker", ...this.#flags, "--http", "none", ...tlsFlags],
      environment,
      log: join(logFolder, `worker-${this.index}.log`),
      guard,
    });
    this.#killed = false;
    this.#process = process;
    const started = Date.now();
    detach(
      process.exited.then((exit) => this.#onExit(exit, Date.now() - started)),
      (error) => this.#options.failed(messageOf(error)),
    );
    this.#options.changed();
  }

  get alive(): boolean {
    return this.#process?.alive === true;
  }

  get frozen(): boolean {
    return this.alive && this.#frozen === this.#process;
  }

  /** 1 at full speed. */
  get speed(): number {
    return this.alive && !this.frozen ? 1 / (this.#slowDown?.factor ?? 1) : 0;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** It is restarted automatically. */
  kill(): void {
    this.#killed = true;
    this.#process?.kill();
  }

  freeze(): void {
    this.#frozen = this.#process;
    this.#process?.stop();
    this.#options.changed();
  }

  thaw(): void {
    if (this.frozen) this.#process?.goOn();
    this.#frozen = undefined;
    this.#options.changed();
  }

  /** @param grace time to exit on its own, ms */
  async close(grace: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restart);
    this.#slowDown?.close();
    this.#frozen = undefined;
    const process = this.#process;
    if (process?.alive === true) {
      process.goOn();
      const timer = setTimeout(() => process.kill(), grace);
      await process.exited;
      clearTimeout(timer);
    }
    await this.network.close();
  }

  #onExit(exit: Exit, lifetime: number): void {
    this.#options.changed();
    if (this.#closing) return;
    // The run may be over for the worker but not yet for the coordinator: if it is not over, the worker is restarted.
    if (!this.#killed && exit.code !== 0) {
      this.#options.onSurprise(`worker ${this.index} exited unexpectedly (${howOf(exit)})`);
      this.#failures = lifetime < startedAfter ? this.#failures + 1 : 1;
    } else this.#failures = 0;
    if (this.#failures >= failuresAllowed) {
      const log = join(this.#options.logFolder, `worker-${this.index}.log`);
      this.#options.failed(`worker ${this.index} cannot run (${howOf(exit)}): see ${log}`);
      return;
    }
    this.#restart = setTimeout(() => this.start(), this.#options.restartAfter * 1000);
  }
}
