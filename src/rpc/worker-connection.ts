/**
 * A connection to a worker's own server: the one place where its stream of pulls is opened, and where a connection that
 * broke is replaced by another. Knows no run, and not what is pulled.
 */
import type { Metadata } from "@grpc/grpc-js";
import type { VectorDtype } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import type { PullOptions } from "./pull-queue.js";
import { PullStream } from "./pull-stream.js";
import type { Wanted } from "./pull-stream.js";
import { needsConnection } from "./stall.js";
import type { WorkerStub } from "./types.js";

export class WorkerConnection {
  readonly #connect: () => WorkerStub;
  readonly #metadata: Metadata;
  #client: WorkerStub | undefined;
  #stream: PullStream | undefined;
  #closed = false;

  /**
   * @param connect makes a client with a connection of its own, which this closes
   * @param metadata shown with every call
   */
  constructor(connect: () => WorkerStub, metadata: Metadata) {
    this.#connect = connect;
    this.#metadata = metadata;
  }

  /** The client of now. @throws CoxswainError "network" once this is closed */
  get client(): WorkerStub {
    if (this.#closed) throw new CoxswainError("network", "the connection was closed");
    return (this.#client ??= this.#connect());
  }

  /** Pulls a vector over the stream of pulls, as `PullStream.pull`. One that has ended is opened again. */
  async pull(wanted: Wanted, into: Float32Array, dtype: VectorDtype, options?: PullOptions): Promise<void> {
    await this.#open().pull(wanted, into, dtype, options);
  }

  /** Makes another call than that. Rejects as `begin` does; the next call then has a fresh connection where it needs one. */
  async call<T>(begin: (client: WorkerStub, metadata: Metadata) => Promise<T>): Promise<T> {
    const { client } = this;
    try {
      return await begin(client, this.#metadata);
    } catch (error) {
      if (this.#client === client && needsConnection(error)) this.#disconnect();
      throw error;
    }
  }

  /** Pulls that are under way reject; other calls may still end well. */
  close(): void {
    this.#closed = true;
    this.#disconnect();
  }

  #open(): PullStream {
    const failure = this.#stream?.failure;
    if (this.#stream !== undefined && failure === undefined) return this.#stream;
    if (needsConnection(failure)) this.#disconnect();
    this.#stream = new PullStream(this.client.pull(this.#metadata));
    return this.#stream;
  }

  #disconnect(): void {
    this.#stream?.close();
    this.#client?.close();
    this.#stream = undefined;
    this.#client = undefined;
  }
}
