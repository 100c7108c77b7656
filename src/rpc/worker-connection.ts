/**
 * A connection to a worker's own server. Opens its pull stream, and replaces broken connections. Independent of the run
 * and of what is pulled.
 */
import type { Metadata } from "@grpc/grpc-js";
import type { VectorDtype } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import type { PullOptions, PulledChecksum } from "./pull-queue.js";
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
   * @param connect creates a client with its own connection, which this object closes
   * @param metadata sent with every call
   */
  constructor(connect: () => WorkerStub, metadata: Metadata) {
    this.#connect = connect;
    this.#metadata = metadata;
  }

  /** The current client. @throws CoxswainError "network" once this is closed */
  get client(): WorkerStub {
    if (this.#closed) throw new CoxswainError("network", "the connection was closed");
    return (this.#client ??= this.#connect());
  }

  /** Pulls a vector as `PullStream.pull` does. A stream that has ended is reopened. */
  async pull(wanted: Wanted, into: Float32Array, dtype: VectorDtype, options?: PullOptions): Promise<PulledChecksum> {
    return this.#open().pull(wanted, into, dtype, options);
  }

  /** Makes any other call. Rejects as `begin` does; the next call then gets a new connection if it needs one. */
  async call<T>(begin: (client: WorkerStub, metadata: Metadata) => Promise<T>): Promise<T> {
    const { client } = this;
    try {
      return await begin(client, this.#metadata);
    } catch (error) {
      if (this.#client === client && needsConnection(error)) this.#disconnect();
      throw error;
    }
  }

  /** Rejects pending pulls; other calls may still succeed. */
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
