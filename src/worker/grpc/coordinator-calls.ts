/** The worker's bulk calls to the coordinator over gRPC. Every call has a deadline, and ends when this is closed. */
import { detach } from "../../async/index.js";
import type { ClientWritableStream, Metadata, ServiceError } from "@grpc/grpc-js";
import type { Chunk, TreeNode, VectorDtype } from "../../collective/index.js";
import type { CoordinatorStub, ReplicaBytes } from "../../rpc/index.js";
import {
  bulkDeadline,
  metadataKeys,
  nodeChecksum,
  receiveReplica,
  receiveVector,
  replicaLength,
  sendObject,
  sendVector,
} from "../../rpc/index.js";
import type { CoordinatorCalls } from "../transport.js";
import { callFailure } from "./call-failure.js";

interface Call {
  cancel(): void;
}

export class GrpcCoordinatorCalls implements CoordinatorCalls {
  readonly #client: CoordinatorStub;
  readonly #metadata: Metadata;
  readonly #dtype: VectorDtype;
  /** The calls in progress, with promises that settle with them. */
  readonly #calls = new Map<Call, Promise<unknown>>();

  /** @param metadata run, worker and token, sent with every call */
  constructor(client: CoordinatorStub, metadata: Metadata, dtype: VectorDtype) {
    this.#client = client;
    this.#metadata = metadata;
    this.#dtype = dtype;
  }

  async pullReduced(step: number, offset: number, into: Float32Array): Promise<void> {
    const { length } = into;
    const deadline = bulkDeadline(into.byteLength);
    const call = this.#client.pullReduced({ step, offset, length }, this.#metadata, { deadline });
    await this.#settle(call, receiveVector(call, into, this.#dtype));
  }

  pullReplica(size: number): Promise<ReplicaBytes> {
    const deadline = bulkDeadline(replicaLength(size));
    const call = this.#client.pullReplica({}, this.#metadata, { deadline });
    return this.#settle(call, receiveReplica(call, size));
  }

  async *pullModelFile(name: string, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    const deadline = bulkDeadline(bytes);
    const call = this.#client.pullModelFile({ name }, this.#metadata, { deadline });
    try {
      for await (const chunk of call) yield (chunk as Chunk).payload;
    } catch (error) {
      throw callFailure(error);
    }
  }

  pushContribution(step: number, node: TreeNode, sum: Float32Array): Promise<void> {
    const metadata = this.#metadata.clone();
    metadata.set(metadataKeys.step, String(step));
    metadata.set(metadataKeys.first, String(node.first));
    metadata.set(metadataKeys.count, String(node.count));
    metadata.set(metadataKeys.checksum, nodeChecksum(step, node.first, node.count));
    return this.#push(
      (done) => this.#client.pushContribution(metadata, { deadline: bulkDeadline(sum.byteLength) }, done),
      (call) => sendVector(call, sum, this.#dtype),
    );
  }

  pushReplica({ step, bytes }: ReplicaBytes): Promise<void> {
    const metadata = this.#metadata.clone();
    metadata.set(metadataKeys.step, String(step));
    return this.#push(
      (done) => this.#client.pushReplica(metadata, { deadline: bulkDeadline(bytes.byteLength) }, done),
      (call) => sendObject(call, bytes),
    );
  }

  /** Ends the calls in progress; resolves when they have rejected. */
  async close(): Promise<void> {
    for (const call of this.#calls.keys()) call.cancel();
    await Promise.allSettled(this.#calls.values());
  }

  #push(
    begin: (done: (error: ServiceError | null) => void) => ClientWritableStream<Chunk>,
    send: (call: ClientWritableStream<Chunk>) => Promise<void>,
  ): Promise<void> {
    let settle: (error: ServiceError | null) => void = () => undefined;
    const answered = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === null ? resolve() : reject(error));
    });
    const call = begin(settle);
    // A failure of the stream also ends the call, whose error has the better reason.
    detach(
      send(call).then(() => call.end()),
      () => call.cancel(),
    );
    return this.#settle(call, answered);
  }

  async #settle<T>(call: Call, result: Promise<T>): Promise<T> {
    this.#calls.set(call, result);
    try {
      return await result;
    } catch (error) {
      throw callFailure(error);
    } finally {
      this.#calls.delete(call);
    }
  }
}
