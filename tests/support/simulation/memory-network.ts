/** An in-memory network: who listens where, and which connections are open. How things travel is in delivery.ts. */
import type { ServiceOptions } from "../../../src/coordinator/service/options.js";
import type { DataServer, Served } from "../../../src/worker/index.js";
import type { Delivery } from "./delivery.js";
import type { VirtualProcess } from "./virtual-clock.js";

export interface NetworkOptions {
  readonly delivery: Delivery;
  readonly random: () => number;
  /** Probability that a call fails. */
  readonly losses: number;
  /** A call that has not been answered for so long fails, ms; undefined: calls wait without limit. */
  readonly stalled: number | undefined;
}

/** The coordinator that is currently listening. */
export interface Listening {
  readonly process: VirtualProcess;
  readonly service: ServiceOptions;
}

/** An open end of a stream or a call. */
interface Open {
  readonly process: VirtualProcess;
  readonly other: VirtualProcess;
  /** Called when its connection breaks. */
  readonly broken: () => void;
}

export class MemoryNetwork {
  readonly options: NetworkOptions;
  readonly #open = new Set<Open>();
  /** Processes whose machines vanished: their peers are not notified. */
  readonly #vanished = new WeakSet<VirtualProcess>();
  readonly #servers = new Map<string, MemoryDataServer>();
  coordinator: Listening | undefined;

  constructor(options: NetworkOptions) {
    this.options = options;
  }

  /** Latency of the next small packet, ms. */
  delay(): number {
    return this.options.delivery.delay();
  }

  /** Whether the next call fails. */
  loses(): boolean {
    const { losses, random } = this.options;
    return losses > 0 && random() < losses;
  }

  register(open: Open): () => void {
    this.#open.add(open);
    return () => void this.#open.delete(open);
  }

  /** Number of open streams and calls of a process. */
  openOf(process: VirtualProcess): number {
    return [...this.#open].filter((open) => open.process === process).length;
  }

  /** Kills a process. Its system closes its connections unless `silently`: then its machine vanishes with it. */
  kill(process: VirtualProcess, silently: boolean): void {
    process.kill();
    if (silently) this.#vanished.add(process);
    else this.breakAll(process);
  }

  /** Whether connections to the process are refused: it was killed, but its machine still runs. */
  refuses(process: VirtualProcess): boolean {
    return process.dead && !this.#vanished.has(process);
  }

  /** Breaks all connections of a process. */
  breakAll(process: VirtualProcess): void {
    for (const open of [...this.#open]) if (open.process === process || open.other === process) open.broken();
  }

  listen(server: MemoryDataServer): void {
    this.#servers.set(server.address, server);
  }

  server(address: string): MemoryDataServer | undefined {
    return this.#servers.get(address);
  }
}

/** A worker's own server. */
export class MemoryDataServer implements DataServer {
  readonly certificate = new Uint8Array();
  served: Served | undefined;

  constructor(
    readonly process: VirtualProcess,
    readonly host: string,
    readonly port: number,
    /** Whether others can reach the server. */
    readonly reachable: boolean,
  ) {}

  get key(): string {
    return `key-of-${this.host}`;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  serve(served: Served | undefined): void {
    this.served = served;
  }
}
