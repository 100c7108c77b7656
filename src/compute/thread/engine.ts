/**
 * An engine that computes in a separate thread: the runtime blocks its thread while it computes, and the process must
 * keep answering its peers. One thread per loaded model; `dispose` ends it.
 */
import { CoxswainError } from "../../errors.js";
import type { Batch } from "../../data/row.js";
import type { LoraLayout } from "../../model/index.js";
import type { ComputeBackend, Decoder, DropoutKey, Engine, EngineName, LossSum, Trainable } from "../engine.js";
import { ThreadChannel } from "./channel.js";
import type { Calls } from "./messages.js";

export function threadedEngine(name: EngineName): Engine {
  return {
    name,
    async load(model, lora, options) {
      const channel = new ThreadChannel();
      try {
        return new ThreadTrainable(channel, await channel.call("load", { engine: name, model, lora, options }));
      } catch (error) {
        await channel.close();
        throw error;
      }
    },
  };
}

class ThreadTrainable implements Trainable {
  readonly layout: LoraLayout;
  readonly backend: ComputeBackend;
  readonly #channel: ThreadChannel;
  readonly #parameters: SharedArrayBuffer;
  readonly #gradients: SharedArrayBuffer;

  constructor(channel: ThreadChannel, { layout, backend }: Calls["load"]["answer"]) {
    this.layout = layout;
    this.backend = backend;
    this.#channel = channel;
    const bytes = layout.size * Float32Array.BYTES_PER_ELEMENT;
    this.#parameters = new SharedArrayBuffer(bytes);
    this.#gradients = new SharedArrayBuffer(bytes);
  }

  async setParameters(flat: Float32Array): Promise<void> {
    this.#requireSize(flat);
    new Float32Array(this.#parameters).set(flat);
    await this.#channel.call("setParameters", { flat: this.#parameters });
  }

  async gradients(batch: Batch, into: Float32Array, dropout?: DropoutKey): Promise<LossSum> {
    this.#requireSize(into);
    const sent = { batch, into: this.#gradients, dropout: dropout ?? null };
    const sum = await this.#channel.call("gradients", sent);
    into.set(new Float32Array(this.#gradients));
    return sum;
  }

  loss(batch: Batch): Promise<LossSum> {
    return this.#channel.call("loss", { batch });
  }

  async decoder(rows: number): Promise<Decoder> {
    const channel = this.#channel;
    const decoder = await channel.call("openDecoder", { rows });
    return {
      feed: (inputIds, valid, length) => channel.call("feed", { decoder, inputIds, valid, length }),
      close: async () => {
        await channel.call("closeDecoder", { decoder });
      },
    };
  }

  async dispose(): Promise<void> {
    try {
      await this.#channel.call("dispose", null);
    } finally {
      await this.#channel.close();
    }
  }

  #requireSize(vector: Float32Array): void {
    if (vector.length === this.layout.size) return;
    throw new CoxswainError("bug", `a vector of ${vector.length} numbers for a layout of ${this.layout.size}`);
  }
}
