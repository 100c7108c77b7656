/**
 * The interface between a worker and the network: implemented over gRPC for real clusters (grpc/), in memory for
 * simulated ones. It deals in messages and vectors, not in addresses, credentials or channels, and decides nothing.
 *
 * Its promises reject only with a `CallFailed`; any other error is an internal error.
 */
import type { TreeNode, VectorDtype, VectorRange } from "../collective/index.js";
import type {
  CoordinatorMessageOutput,
  PeerOutput,
  ProxyUse,
  PullOptions,
  PulledChecksum,
  ReplicaBytes,
  WorkerMessage,
} from "../rpc/index.js";

/** Connects a worker to its coordinator: used again after every lost connection. */
export interface WorkerTransport {
  /** The coordinator, for messages to people. */
  readonly coordinator: string;
  /**
   * One attempt, which takes at most about `timeout` ms and ends with the signal. Every attempt opens new connections.
   * @throws CoxswainError for invalid settings, which ends the worker
   */
  connect(timeout: number, signal: AbortSignal): Promise<Attempt>;
  /** Closes this worker's own server, after its connections. */
  close(): Promise<void>;
}

export type Attempt =
  { readonly kind: "connected"; readonly connection: CoordinatorConnection } | ({ readonly kind: "failed" } & Trouble);

/** Why there is no connection. */
export interface Trouble {
  /** As a clause: "nothing listens there". */
  readonly reason: string;
  readonly hint?: string;
  /** Whether another attempt would fail in the same way: a certificate is not accepted. */
  readonly final: boolean;
}

/** A coordinator that answered. */
export interface CoordinatorConnection {
  /** This worker's own server; undefined if it has none and pushes. It is the same for all connections to one host. */
  readonly dataServer: DataServer | undefined;
  /** Opens the control stream. The listener is not called before this has returned. */
  attend(listener: ControlListener): ControlCall;
  /** The calls that are available after the welcome. */
  callsOf(member: Member): MemberCalls;
  /** Ends the control stream and all calls: those in progress reject. Resolves when they have. */
  close(): Promise<void>;
}

export interface ControlListener {
  /** The next message of the coordinator, heartbeats included. */
  message(message: CoordinatorMessageOutput): void;
  /** The stream has ended. Called once, and nothing after it. */
  ended(end: StreamEnd): void;
}

/** Why a control stream ended. Refused: the coordinator does not accept this worker, as it is, into this run. */
export interface StreamEnd {
  readonly kind: "refused" | "lost";
  readonly reason: string;
}

export interface ControlCall {
  /** Messages arrive in the order in which they were sent. No effect once the stream has ended. */
  send(message: WorkerMessage): void;
  /** Nothing more will be sent: the coordinator ends the stream once it has read all messages. */
  finish(): void;
  /** Ends the stream immediately; sent messages may not arrive. */
  cancel(): void;
}

/** Who calls, and in which run. */
export interface Member {
  /** Welcome.run_id. */
  readonly runId: string;
  /** Join.worker_id. */
  readonly workerId: string;
  /** Welcome.session_key. */
  readonly sessionKey: string;
  /** The type that vectors are sent as: `cluster.all_reduce_dtype`. */
  readonly dtype: VectorDtype;
  /** The run's `cluster.proxy`, for connections to other workers if this one has no setting of its own. */
  readonly proxy: ProxyUse;
}

export interface MemberCalls {
  readonly coordinator: CoordinatorCalls;
  readonly peers: PeerCalls;
}

/** Bulk to and from the coordinator. */
export interface CoordinatorCalls {
  /**
   * The state after the newest committed step.
   * @param size parameters
   */
  pullReplica(size: number): Promise<ReplicaBytes>;
  /**
   * Elements of the reduced gradient of a committed step, from `offset` on.
   * @param into [length]; its content is undefined if this rejects
   */
  pullReduced(step: number, offset: number, into: Float32Array): Promise<void>;
  /** The content of one file of the model. */
  pullModelFile(name: string, bytes: number): AsyncIterable<Uint8Array>;
  /** Delivers the sum of a node's shards, where the lease says that it is to be pushed. */
  pushContribution(step: number, node: TreeNode, sum: Float32Array): Promise<void>;
  /** Delivers the replica, which SendReplica asked for. */
  pushReplica(replica: ReplicaBytes): Promise<void>;
}

/** Elements [offset, offset + length) of a step's vector. */
export interface StepRange extends VectorRange {
  readonly step: number;
}

/** Bulk from other workers. */
export interface PeerCalls {
  /**
   * Elements of the sum of a node's shards, from the worker that has computed it.
   * @param peer with its address, which the coordinator told
   * @param into [length]; its content is undefined if this rejects
   * @returns the vector's checksum
   */
  pullContribution(
    peer: PeerOutput,
    range: StepRange & { readonly node: TreeNode },
    into: Float32Array,
    options: PullOptions,
  ): Promise<PulledChecksum>;
  /** Elements of a step's reduced gradient, from the worker that has reduced them; otherwise the same. */
  pullSlice(peer: PeerOutput, range: StepRange, into: Float32Array): Promise<PulledChecksum>;
}

/** The server from which the coordinator and other workers pull. */
export interface DataServer {
  /** Join.data_port, data_key and data_certificate. */
  readonly port: number;
  readonly key: string;
  readonly certificate: Uint8Array;
  /** What is served from now on; nothing when undefined. */
  serve(served: Served | undefined): void;
}

/** What a worker in a run has for others. */
export interface Served {
  /** Welcome.run_id: callers of another run are refused. */
  readonly runId: string;
  /** What vectors are sent as. */
  readonly dtype: VectorDtype;
  /** The sum of a node's shards, all of its elements; undefined where it is not here. */
  contribution(step: number, node: TreeNode): Float32Array | undefined;
  /** Elements [offset, offset + length) of a step's reduced gradient; undefined where they are not here. */
  slice(step: number, offset: number, length: number): Float32Array | undefined;
  /** Parameters and moments, [3 * size] f32 as bytes that nobody changes. Undefined before the first. */
  replica(): ReplicaBytes | undefined;
  /** A vector is being sent: it must not change until what this returns is called. See VectorPool. */
  hold(vector: Float32Array): () => void;
  /** So many bytes of gradients are being sent. */
  onSent(bytes: number): void;
}
