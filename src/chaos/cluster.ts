/**
 * A coordinator and workers as processes of their own, on this machine: started, started again when they end, all ended
 * with it. Every worker reaches the others, and is reached, through a proxy. Knows nothing of why a process ends.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Address } from "../config/index.js";
import { formatAddress } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import type { Guard } from "./guard.js";
import { canListen, freePort } from "./ports.js";
import { ManagedProcess } from "./process.js";
import type { Exit, StartOptions } from "./process.js";
import { Proxy } from "./proxy.js";
import { SlowDown } from "./slow-down.js";
import type { Slowness } from "./plan.js";

export interface ClusterOptions {
  /** The program's main module. */
  readonly program: string;
  readonly runFile: string;
  /** `key=value` for the coordinator. */
  readonly sets: readonly string[];
  readonly insecure: boolean;
  readonly workers: number;
  /** Arguments of `coxswain worker` for the run's TLS, where it has any. */
  readonly tlsFlags: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly logFolder: string;
  /** Seconds that a process which ended is away. */
  readonly restartAfter: number;
  readonly slow: Slowness | null;
  readonly guard: Guard;
  /** A process ended that nobody killed. */
  readonly onSurprise: (text: string) => void;
  /** What of the workers is there now: 0 .. 1. */
  readonly onCapacity: (share: number) => void;
}

export type ClusterEnd = { readonly kind: "completed" } | { readonly kind: "failed"; readonly reason: string };

/** Ends of the coordinator, or of one worker soon after its start, in a row that nobody caused. */
const failuresAllowed = 5;
/** A worker that lives shorter than this has failed to start, ms. */
const startedAfter = 10_000;
/** How long workers may take to leave when the run is over, ms. */
const leaveTimeout = 3_000;

/** A second address of this machine: where others reach a worker's own server, through its proxy. */
const proxied = "127.0.0.2";
const local = "127.0.0.1";

export class Cluster {
  readonly workers: readonly WorkerSlot[];
  /** Settles when the coordinator is done, or nothing can go on. */
  readonly ended: Promise<ClusterEnd>;
  readonly #options: ClusterOptions;
  readonly #address: Address;
  #coordinator: ManagedProcess | undefined;
  #killed = false;
  #closing = false;
  #restart: NodeJS.Timeout | undefined;
  #end: (end: ClusterEnd) => void = () => undefined;

  static async start(options: ClusterOptions): Promise<Cluster> {
    mkdirSync(options.logFolder, { recursive: true });
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
    this.#startCoordinator(false);
    this.workers = networks.map(
      (network, index) =>
        new WorkerSlot(index, network, {
          ...options,
          changed: () => this.#tellCapacity(),
          failed: (reason) => this.#end({ kind: "failed", reason }),
        }),
    );
    this.#tellCapacity();
  }

  /** Whether there is a process to be killed. */
  get coordinatorAlive(): boolean {
    return this.#coordinator?.alive === true;
  }

  /** It comes back by itself, with --resume. @returns its process id */
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
    // The first tells of its change while the others are being made.
    const { workers } = this as { workers?: readonly WorkerSlot[] };
    if (workers === undefined || this.#closing) return;
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
    void coordinator.exited.then((exit) => this.#onCoordinatorExit(exit));
  }

  #onCoordinatorExit(exit: Exit): void {
    if (this.#closing) return;
    if (exit.code === 0) this.#end({ kind: "completed" });
    else if (this.#killed)
      this.#restart = setTimeout(() => this.#startCoordinator(true), this.#options.restartAfter * 1000);
    else {
      const log = join(this.#options.logFolder, "coordinator.log");
      this.#end({ kind: "failed", reason: `the coordinator ended by itself (${howOf(exit)}): ${log} says why` });
    }
  }
}

interface WorkerNetwork {
  readonly proxy: Proxy;
  /** Arguments of `coxswain worker` that lead it and others through the proxy. */
  readonly flags: readonly string[];
}

/**
 * The worker's way to the coordinator leads through a proxy, and so does the others' way to the worker, where this
 * machine has a second loopback address. Under TLS a worker has no server of its own.
 */
async function openNetwork(coordinator: Address, tls: boolean): Promise<WorkerNetwork> {
  const toCoordinator = { listen: { host: local, port: 0 }, target: coordinator, worker: "client" } as const;
  const flagsOf = (proxy: Proxy): string[] => [
    "--coordinator",
    formatAddress({ host: local, port: proxy.ports[0] ?? 0 }),
  ];
  if (tls || !(await canListen(proxied, 0))) {
    const proxy = await Proxy.open([toCoordinator]);
    return { proxy, flags: flagsOf(proxy) };
  }
  const port = await freePort([local, proxied]);
  const target = { host: local, port };
  const proxy = await Proxy.open([toCoordinator, { listen: { host: proxied, port }, target, worker: "target" }]);
  return { proxy, flags: [...flagsOf(proxy), "--listen", formatAddress(target), "--advertise", proxied] };
}

interface SlotOptions extends Omit<ClusterOptions, "workers"> {
  readonly changed: () => void;
  readonly failed: (reason: string) => void;
}

/** One of the workers, over all its lives. */
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
    this.#start();
  }

  get alive(): boolean {
    return this.#process?.alive === true;
  }

  get frozen(): boolean {
    return this.alive && this.#frozen === this.#process;
  }

  /** 1 where it can compute at full speed. */
  get speed(): number {
    return this.alive && !this.frozen ? 1 / (this.#slowDown?.factor ?? 1) : 0;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** It comes back by itself. */
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

  /** @param grace how long it may take to end by itself, ms */
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

  #start(): void {
    const { program, tlsFlags, environment, logFolder, guard } = this.#options;
    const options: StartOptions = {
      words: [program, "worker", ...this.#flags, "--http", "none", ...tlsFlags],
      environment,
      log: join(logFolder, `worker-${this.index}.log`),
      guard,
    };
    const process = new ManagedProcess(options);
    this.#killed = false;
    this.#process = process;
    const started = Date.now();
    void process.exited.then((exit) => this.#onExit(exit, Date.now() - started));
    this.#options.changed();
  }

  #onExit(exit: Exit, lifetime: number): void {
    this.#options.changed();
    if (this.#closing) return;
    // The run may be over for it and not yet for the coordinator: where it is not, it comes back.
    if (!this.#killed && exit.code !== 0) {
      this.#options.onSurprise(`worker ${this.index} ended by itself (${howOf(exit)})`);
      this.#failures = lifetime < startedAfter ? this.#failures + 1 : 1;
    } else this.#failures = 0;
    if (this.#failures >= failuresAllowed) {
      const log = join(this.#options.logFolder, `worker-${this.index}.log`);
      this.#options.failed(`worker ${this.index} cannot run (${howOf(exit)}): ${log} says why`);
      return;
    }
    this.#restart = setTimeout(() => this.#start(), this.#options.restartAfter * 1000);
  }
}

const howOf = ({ code, signal }: Exit): string => signal ?? `exit code ${code}`;
