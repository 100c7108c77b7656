/**
 * This worker's connections to the servers of the others. One a peer, opened when it is first used; bulk comes in over
 * it and never goes out, because a peer that wants ours opens its own. Knows addresses, not why something is pulled.
 */
import { ChannelCredentials, Metadata } from "@grpc/grpc-js";
import type { ClientReadableStream } from "@grpc/grpc-js";
import { vectorBytes } from "../collective/index.js";
import type { Chunk, TreeNode, VectorDtype, VectorRange } from "../collective/index.js";
import {
  WorkerClient,
  bulkChannelOptions,
  bulkDeadline,
  metadataKeys,
  needsConnection,
  receiveVector,
  withToken,
} from "../rpc/index.js";
import type { PeerOutput, WorkerStub } from "../rpc/index.js";

/** Steps that a connection is kept without being used: a few, since who reduces what changes with who is there. */
const stepsKept = 8;

/** Elements of a step's vector. */
export interface StepRange extends VectorRange {
  readonly step: number;
}

export interface PullOptions {
  /** A vector to which what comes is added on its way, rounded to the dtype: `into` is the sum. */
  readonly addend?: Float32Array | undefined;
  /** Gives the pull up. */
  readonly signal?: AbortSignal | undefined;
}

interface Connection {
  readonly client: WorkerStub;
  readonly peer: PeerOutput;
  readonly metadata: Metadata;
  /** The newest step that it was used for. */
  step: number;
  /** Pulls under way. */
  pulls: number;
}

export class Peers {
  readonly #runId: string;
  readonly #dtype: VectorDtype;
  readonly #connections = new Map<string, Connection>();
  #closed = false;

  /**
   * @param runId Welcome.run_id, shown with every call
   * @param dtype what vectors are sent as
   */
  constructor(runId: string, dtype: VectorDtype) {
    this.#runId = runId;
    this.#dtype = dtype;
  }

  /** How many connections are open. */
  get size(): number {
    return this.#connections.size;
  }

  /**
   * Pulls elements of a node's sum from the worker that holds it. When it rejects, what `into` holds is of no use.
   * @param into [length]
   * @throws CoxswainError "network" or the gRPC error when it did not arrive whole
   */
  pullContribution(
    peer: PeerOutput,
    { step, node, offset, length }: StepRange & { readonly node: TreeNode },
    into: Float32Array,
    options?: PullOptions,
  ): Promise<void> {
    return this.#pull(peer, step, into, options, ({ client, metadata }, deadline) =>
      client.pullContribution({ step, ...node, offset, length }, metadata, { deadline }),
    );
  }

  /** Pulls elements of a step's reduced gradient from the worker that has summed them; otherwise the same. */
  pullSlice(
    peer: PeerOutput,
    { step, offset, length }: StepRange,
    into: Float32Array,
    options?: PullOptions,
  ): Promise<void> {
    return this.#pull(peer, step, into, options, ({ client, metadata }, deadline) =>
      client.pullSlice({ step, offset, length }, metadata, { deadline }),
    );
  }

  /** Ends all pulls. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) this.#disconnect(connection);
  }

  async #pull(
    peer: PeerOutput,
    step: number,
    into: Float32Array,
    { addend, signal }: PullOptions = {},
    start: (connection: Connection, deadline: Date) => ClientReadableStream<Chunk>,
  ): Promise<void> {
    if (this.#closed) throw new Error("this worker has closed its connections");
    signal?.throwIfAborted();
    const connection = this.#connectionTo(peer, step);
    const call = start(connection, bulkDeadline(vectorBytes(into.length, this.#dtype)));
    const cancel = (): void => call.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    connection.pulls++;
    try {
      await receiveVector(call, into, this.#dtype, addend);
    } catch (error) {
      cancel();
      if (needsConnection(error)) this.#disconnect(connection);
      throw error;
    } finally {
      connection.pulls--;
      signal?.removeEventListener("abort", cancel);
    }
  }

  #connectionTo(peer: PeerOutput, step: number): Connection {
    for (const connection of this.#connections.values())
      if (connection.pulls === 0 && connection.step + stepsKept < step) this.#disconnect(connection);
    const known = this.#connections.get(peer.workerId);
    if (known?.peer.address === peer.address && known.peer.key === peer.key) {
      known.step = Math.max(known.step, step);
      return known;
    }
    if (known !== undefined) this.#disconnect(known);
    const metadata = withToken(peer.key, new Metadata());
    metadata.set(metadataKeys.run, this.#runId);
    const client = new WorkerClient(peer.address, ChannelCredentials.createInsecure(), bulkChannelOptions);
    const connection = { client, peer, metadata, step, pulls: 0 };
    this.#connections.set(peer.workerId, connection);
    return connection;
  }

  #disconnect(connection: Connection): void {
    if (this.#connections.get(connection.peer.workerId) === connection)
      this.#connections.delete(connection.peer.workerId);
    connection.client.close();
  }
}
