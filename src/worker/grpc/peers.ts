/**
 * This worker's connections to the servers of other workers: one per peer, opened on first use. Bulk data is only
 * received over them; a peer that pulls from us opens its own connection.
 */
import { Metadata } from "@grpc/grpc-js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import {
  WorkerConnection,
  metadataKeys,
  needsConnection,
  routeToText,
  withToken,
  workerClient,
} from "../../rpc/index.js";
import type { PeerOutput, ProxyUse, PullOptions, PulledChecksum, WorkerStub } from "../../rpc/index.js";
import { CallFailed } from "../call-failed.js";
import type { PeerCalls, StepRange } from "../transport.js";
import { callFailure } from "./call-failure.js";

/** Number of steps to keep an unused connection: reducers change when workers join or leave. */
const stepsKept = 8;

interface Connection {
  readonly link: WorkerConnection;
  readonly peer: PeerOutput;
  /** The last step that used it. */
  step: number;
  /** Pulls in progress. */
  pulls: number;
}

type Begin = (link: WorkerConnection) => Promise<PulledChecksum>;

export class Peers implements PeerCalls {
  readonly #runId: string;
  readonly #dtype: VectorDtype;
  readonly #proxy: ProxyUse;
  readonly #connections = new Map<string, Connection>();
  #closed = false;

  /**
   * @param runId Welcome.run_id, sent with every call
   * @param dtype the type that vectors are sent as
   * @param proxy whether peers are reached through the environment's proxy
   */
  constructor(runId: string, dtype: VectorDtype, proxy: ProxyUse = "none") {
    this.#runId = runId;
    this.#dtype = dtype;
    this.#proxy = proxy;
  }

  /** How many connections are open. */
  get size(): number {
    return this.#connections.size;
  }

  pullContribution(
    peer: PeerOutput,
    { step, node, offset, length }: StepRange & { readonly node: TreeNode },
    into: Float32Array,
    options?: PullOptions,
  ): Promise<PulledChecksum> {
    return this.#pull(peer, step, (link) =>
      link.pull({ contribution: { step, ...node, offset, length } }, into, this.#dtype, options),
    );
  }

  pullSlice(peer: PeerOutput, { step, offset, length }: StepRange, into: Float32Array): Promise<PulledChecksum> {
    return this.#pull(peer, step, (link) => link.pull({ slice: { step, offset, length } }, into, this.#dtype));
  }

  /** Ends all pulls. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) this.#disconnect(connection);
  }

  async #pull(peer: PeerOutput, step: number, begin: Begin): Promise<PulledChecksum> {
    if (this.#closed) throw new CallFailed("this worker has closed its connections", false);
    try {
      return await this.#pullOver(this.#connectionTo(peer, step), begin);
    } catch (error) {
      throw callFailure(error);
    }
  }

  async #pullOver(connection: Connection, begin: Begin): Promise<PulledChecksum> {
    connection.pulls++;
    try {
      return await begin(connection.link);
    } catch (error) {
      if (needsConnection(error)) this.#disconnect(connection);
      throw error;
    } finally {
      connection.pulls--;
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
    const connect = (): WorkerStub => workerClient(routeToText(peer.address, this.#proxy), peer.certificate);
    const connection = { link: new WorkerConnection(connect, metadata), peer, step, pulls: 0 };
    this.#connections.set(peer.workerId, connection);
    return connection;
  }

  #disconnect(connection: Connection): void {
    if (this.#connections.get(connection.peer.workerId) === connection)
      this.#connections.delete(connection.peer.workerId);
    connection.link.close();
  }
}
