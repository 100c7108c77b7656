/**
 * The coordinator's network interface to one worker. grpc/ implements it for real clusters, an in-memory network for
 * simulated ones. It carries messages and vectors, hides credentials and channels, and makes no decisions.
 */
import type { VectorDtype } from "../../collective/index.js";
import type { CoordinatorMessage, PulledChecksum, ReplicaBytes, Wanted, WorkerMessageOutput } from "../../rpc/index.js";

/** The coordinator's end of a worker's control stream. */
export interface ControlCall {
  /** The host that the worker calls from, as written in an address; undefined if unknown. */
  readonly host: string | undefined;
  /** Messages arrive in the order in which they were sent. Has no effect once the stream has ended. */
  send(message: CoordinatorMessage): void;
  /** Ends the stream after all queued messages have been sent. */
  end(): void;
  /** Ends the stream with an error. The listener is notified as for any other end. */
  refuse(why: Refused, reason: string): void;
}

/**
 * unfit: the worker cannot take part as it is. late, full, internal: the worker may retry, since it was only late, others
 * may leave, or the error is the coordinator's.
 */
export type Refused = "unfit" | "late" | "full" | "internal";

/** Receives the messages of a worker's control stream. */
export interface ControlListener {
  message(message: WorkerMessageOutput): void;
  /** The stream has ended. May be called more than once. */
  ended(reason: string): void;
}

/** The address and credentials of a worker's own server. */
export interface WorkerAddress {
  /** HOST:PORT */
  readonly address: string;
  /** Authenticates callers to the server. */
  readonly key: string;
  /** Authenticates the server to callers, DER; empty without TLS. */
  readonly certificate: Uint8Array;
}

/** A connection to a worker's own server, from which the coordinator pulls. */
export interface WorkerServer {
  /** Resolves with undefined once the server answers, or with the reason why it does not. */
  reached(): Promise<string | undefined>;
  /**
   * Pulls a vector.
   * @param into [length]; its content is undefined if this rejects
   * @returns its checksum
   */
  pull(wanted: Wanted, into: Float32Array, dtype: VectorDtype): Promise<PulledChecksum>;
  /** Pulls the worker's replica of `size` parameters. */
  pullReplica(size: number): Promise<ReplicaBytes>;
  /** Closes the connection; calls in progress reject. */
  close(): void;
}

/** Starts to connect to a worker's own server. @returns the reason, as text, if it does not try */
export type ConnectToWorker = (worker: WorkerAddress) => WorkerServer | string;
