/** The worker's bulk calls to the coordinator. Every one has a deadline. */
import type { ClientWritableStream, Metadata, ServiceError } from "@grpc/grpc-js";
import { detach } from "../async/index.js";
import type { Chunk, TreeNode, VectorDtype } from "../collective/index.js";
import type { CoordinatorStub, ReplicaBytes } from "../rpc/index.js";
import {
  bulkDeadline,
  metadataKeys,
  nodeChecksum,
  receiveReplica,
  receiveVector,
  replicaLength,
  sendObject,
  sendVector,
} from "../rpc/index.js";

export class BulkClient {
  readonly #client: CoordinatorStub;
  readonly #metadata: Metadata;
  readonly #dtype: VectorDtype;

  /** @param metadata run, worker and token, shown with every call */
  constructor(client: CoordinatorStub, metadata: Metadata, dtype: VectorDtype) {
    this.#client = client;
    this.#metadata = metadata;
    this.#dtype = dtype;
  }

  /** Elements of the reduced gradient of `step` from `offset` on, as many as `into` takes. */
  async pullReduced(step: number, offset: number, into: Float32Array): Promise<void> {
    const { length } = into;
    const deadline = bulkDeadline(into.byteLength);
    const call = this.#client.pullReduced({ step, offset, length }, this.#metadata, { deadline });
    await receiveVector(call, into, this.#dtype);
  }

  /** @returns the state after the newest committed step */
  pullReplica(size: number): Promise<ReplicaBytes> {
    const deadline = bulkDeadline(replicaLength(size));
    return receiveReplica(this.#client.pullReplica({}, this.#metadata, { deadline }), size);
  }

  /** The bytes of one file of the model, as they come. */
  async *pullModelFile(name: string, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    const deadline = bulkDeadline(bytes);
    const call = this.#client.pullModelFile({ name }, this.#metadata, { deadline });
    for await (const chunk of call) yield (chunk as Chunk).payload;
  }

  /** Delivers a contribution to a coordinator that cannot reach this worker. */
  pushContribution(step: number, node: TreeNode, vector: Float32Array): Promise<void> {
    const metadata = this.#metadata.clone();
    metadata.set(metadataKeys.step, String(step));
    metadata.set(metadataKeys.first, String(node.first));
    metadata.set(metadataKeys.count, String(node.count));
    metadata.set(metadataKeys.checksum, nodeChecksum(step, node.first, node.count));
    return push(
      (done) => this.#client.pushContribution(metadata, { deadline: bulkDeadline(vector.byteLength) }, done),
      (call) => sendVector(call, vector, this.#dtype),
    );
  }

  /** Delivers the replica to a coordinator that asked for it and cannot reach this worker. */
  pushReplica(step: number, bytes: Uint8Array): Promise<void> {
    const metadata = this.#metadata.clone();
    metadata.set(metadataKeys.step, String(step));
    return push(
      (done) => this.#client.pushReplica(metadata, { deadline: bulkDeadline(bytes.byteLength) }, done),
      (call) => sendObject(call, bytes),
    );
  }
}

function push(
  begin: (done: (error: ServiceError | null) => void) => ClientWritableStream<Chunk>,
  send: (call: ClientWritableStream<Chunk>) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = begin((error) => {
      if (error === null) resolve();
      else reject(error);
    });
    // A failure of the stream also ends the call, which rejects above with the better reason.
    detach(
      send(call).then(() => call.end()),
      () => call.cancel(),
    );
  });
}
