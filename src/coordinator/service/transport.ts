/**
 * What the coordinator uses of the network for one worker, as an interface: gRPC implements it for real clusters (grpc/),
 * memory for simulated ones. Knows messages and vectors; no credentials or channels, and decides nothing.
 */
import type { VectorDtype } from "../../collective/index.js";
import type { CoordinatorMessage, ReplicaBytes, Wanted, WorkerMessageOutput } from "../../rpc/index.js";

/** The coordinator's end of a worker's control stream. */
export interface ControlCall {
  /** The host that the worker calls from, as an address is written; undefined where that is not known. */
  readonly host: string | undefined;
  /** Messages arrive in the order in which they were sent. No effect once the stream has ended. */
  send(message: CoordinatorMessage): void;
  /** Ends the stream once what was sent has left. */
  end(): void;
  /** Ends the stream with an error. The listener hears of it as of any other end. */
  refuse(why: Refused, reason: string): void;
}

/** unfit: the worker, as it is, cannot take part. Otherwise it may try again: it was late, or the error is the coordinator's. */
export type Refused = "unfit" | "late" | "internal";

/** Listens to a worker's control stream. */
export interface ControlListener {
  message(message: WorkerMessageOutput): void;
  /** The stream has ended. May be called more than once. */
  ended(reason: string): void;
}

/** Where a worker's own server is, and how it shows that it is that. */
export interface WorkerAddress {
  /** HOST:PORT */
  readonly address: string;
  /** What callers show. */
  readonly key: string;
  /** What it shows callers, DER; empty without TLS. */
  readonly certificate: Uint8Array;
}

/** A connection to a worker's own server, from which the coordinator pulls. */
export interface WorkerServer {
  /** Resolves once it is known whether the server answers: with why not, or undefined. */
  reached(): Promise<string | undefined>;
  /**
   * Pulls a vector.
   * @param into [length]; of no use when this rejects
   */
  pull(wanted: Wanted, into: Float32Array, dtype: VectorDtype): Promise<void>;
  /** Pulls the worker's replica of `size` parameters. */
  pullReplica(size: number): Promise<ReplicaBytes>;
  /** What is under way rejects. */
  close(): void;
}

/** Begins to connect to a worker's own server. @returns why it is not tried, where it is not */
export type ConnectToWorker = (worker: WorkerAddress) => WorkerServer | string;
