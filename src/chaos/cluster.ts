/**
 * Runs a coordinator and workers as processes on this machine, restarts those that end, and ends all of them on close.
 * All connections of a worker pass through a proxy. Does not know why a process ends.
 */
import {} from "node:fs";
import { join } from "node:path";
import { detach } from "../async/index.js";
import type { Address } from "../config/index.js";
import { formatAddress } from "../config/index.js";
import { CoxswainError, messageOf } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";
import { local, openNetwork } from "./network.js";
import type { WorkerNetwork } from "./network.js";
import { freePort } from "./ports.js";
import { ManagedProcess, howOf } from "./process.js";
import type { Exit } from "./process.js";
import { WorkerSlot } from "./worker-slot.js";
import type { ProcessOptions } from "./worker-slot.js";

export interface ClusterOptions extends ProcessOptions {
  readonly runFile: string;
  /** `key=value` for the coordinator. */
  readonly sets: readonly string[];
  readonly insecure: boolean;
  readonly workers: number;
  /** The share of the workers that is available now: 0 .. 1. */
  readonly onCapacity: (share: number) => void;
}

export type ClusterEnd = { readonly kind: "completed" } | { readonly kind: "failed"; readonly reason: string };

/** Time for workers to leave when the run is over, ms. */
const leaveTimeout = 3_000;

export class Cluster {
  readonly workers: readonly WorkerSlot[];
  /** Settles when the coordinator has finished, or the run cannot continue. */
  readonly ended: Promise<ClusterEnd>;
  readonly #options: ClusterOptions;
  readonly #address: Address;
  #coordinator: ManagedProcess | undefined;
  #killed = false;
  #closing = false;
  #restart: NodeJS.Timeout | undefined;
  #end: (end: ClusterEnd) => void = () => undefined;

  static async start(options: ClusterOptions): Promise<Cluster> {
    makeFoldersSync(options.logFolder);
    const address = { host: local, port: await freePort([local]) };
    const networks: WorkerNetwork[] = [];
    try {
      while (networks.length < options.workers) networks.push(await openNetwork(address, options.tlsFlags.length > 0));
    } catch (error) {
      await Promise.all(networks.map(({ proxy }) => proxy.close()));
      throw new CoxswainError("network", "no proxy could be started", { cause: error });
    }
    return new Cluster(options, address, networks);
  }

  private constructor(options: ClusterOptions, address: Address, networks: readonly WorkerNetwork[]) {
    this.#options = options;
    this.#address = address;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.workers = networks.map(
      (network, index) =>
        new WorkerSlot(index, network, {
          ...options,
          changed: () => this.#tellCapacity(),
          failed: (reason) => this.#end({ kind: "failed", reason }),
        }),
    );
    this.#startCoordinator(false);
    for (const worker of this.workers) worker.start();
  }

  /** Whether there is a process to kill. */
  get coordinatorAlive(): boolean {
    return this.#coordinator?.alive === true;
  }

  /** It is restarted automatically, with --resume. @returns its process id */
  killCoordinator(): number {
    this.#killed = true;
    this.#coordinator?.kill();
    return this.#coordinator?.pid ?? 0;
  }

  /** Ends everything. Workers of a run that is over may leave by themselves. */
  async close(options: { readonly leave: boolean }): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restart);
    this.#coordinator?.kill();
    await Promise.all(this.workers.map((worker) => worker.close(options.leave ? leaveTimeout : 0)));
    await this.#coordinator?.exited;
  }

  #tellCapacity(): void {
    if (this.#closing) return;
    const { workers } = this;
    this.#options.onCapacity(workers.reduce((sum, { speed }) => sum + speed, 0) / workers.length);
  }

  #startCoordinator(resume: boolean): void {
    const { program, runFile, sets, insecure, logFolder, environment, guard } = this.#options;
    this.#killed = false;
    const coordinator = new ManagedProcess({
      words: [
        program,
        "coordinator",
        runFile,
        "--listen",
        formatAddress(this.#address),
        ...(resume ? ["--resume"] : []),
        ...(insecure ? ["--insecure"] : []),
        ...sets.flatMap((set) => ["--set", set]),
      ],
      environment,
      log: join(logFolder, "coordinator.log"),
      guard,
    });
    this.#coordinator = coordinator;
    detach(
      coordinator.exited.then((exit) => this.#onCoordinatorExit(exit)),
      (error) => this.#end({ kind: "failed", reason: messageOf(error) }),
    );
  }

  #onCoordinatorExit(exit: Exit): void {
    if (this.#closing) return;
    if (exit.code === 0) this.#end({ kind: "completed" });
    else if (this.#killed)
      this.#restart = setTimeout(() => this.#startCoordinator(true), this.#options.restartAfter * 1000);
    else {
      const log = join(this.#options.logFolder, "coordinator.log");
      this.#end({ kind: "failed", reason: `the coordinator exited unexpectedly (${howOf(exit)}): see ${log}` });
    }
  }
}
