/** The worker's bulk calls to the coordinator. Every one has a deadline. */
import type { Metadata } from "@grpc/grpc-js";
import { bytesOf, floatsOf } from "../collective/index.js";
import type { Chunk, TreeNode } from "../collective/index.js";
import type { CoordinatorStub } from "../rpc/index.js";
import { bulkDeadline, metadataKeys, receiveObject, sendObject } from "../rpc/index.js";

export class BulkClient {
  readonly #client: CoordinatorStub;
  readonly #metadata: Metadata;

  /** @param metadata run, worker and token, shown with every call */
  constructor(client: CoordinatorStub, metadata: Metadata) {
    this.#client = client;
    this.#metadata = metadata;
  }

  /** @returns the reduced gradient of `step`, [size] */
  async pullReduced(step: number, size: number): Promise<Float32Array> {
    const call = this.#client.pullReduced({ step }, this.#metadata, { deadline: bulkDeadline(size * 4) });
    return floatsOf(await receiveObject(call, size * 4));
  }

  /** @returns the newest committed step, and parameters and both moments one after another, [3 * size] f32 as bytes */
  async pullReplica(size: number): Promise<{ step: number; bytes: Uint8Array }> {
    const total = size * 12;
    const call = this.#client.pullReplica({}, this.#metadata, { deadline: bulkDeadline(total) });
    let step = Number.NaN;
    call.on("metadata", (metadata: Metadata) => (step = Number(metadata.get(metadataKeys.step)[0])));
    return { bytes: await receiveObject(call, total), step };
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
    const deadline = bulkDeadline(vector.byteLength);
    return new Promise((resolve, reject) => {
      const call = this.#client.pushContribution(metadata, { deadline }, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
      // A failure of the stream also ends the call, which rejects above with the better reason.
      sendObject(call, bytesOf(vector)).then(
        () => call.end(),
        () => call.cancel(),
      );
    });
  }
}
