/** A simulated model of a worker: gradients are a few real floats; computing and applying take virtual time. */
import { layoutFingerprint } from "../../../src/model/index.js";
import { Replica } from "../../../src/optim/index.js";
import type { TokenStore } from "../../../src/data/index.js";
import type { Trainable } from "../../../src/compute/index.js";
import type { LoadedModel, ModelSource } from "../../../src/worker/index.js";
import { gradientSize, optimiser, writeGradient } from "./reference.js";
import type { VirtualProcess } from "./virtual-clock.js";

const layout = {
  r: 1,
  scale: 1,
  size: gradientSize,
  tensors: [{ module: "model.layers.0.mlp.up_proj", part: "A", shape: [1, gradientSize], offset: 0 }],
} as const;

export const fingerprint = layoutFingerprint(layout);

/** The loss of every shard: the sum in nats, over one supervised token. */
export const loss = { lossSum: 2, tokens: 1 };

/** Rows whose first token is the index of the row. */
export const tokenStore: TokenStore = {
  rowCount: 997,
  statistics: {
    examples: 997,
    rows: 997,
    tokens: 2 * 997,
    supervisedTokens: 997,
    truncated: 0,
    dropped: { nothing_supervised_after_cut: 0 },
  },
  fingerprint: "data",
  row: (row) => ({ inputIds: Int32Array.of(row, 1), labels: Int32Array.of(row, 1), segments: [2] }),
};

export interface EngineSpeed {
  /** Duration of the next shard, ms. */
  readonly shard: () => number;
  /** Duration of the next update of the engine's parameters, ms. */
  readonly apply: () => number;
}

export class SimulatedModels implements ModelSource {
  readonly #process: VirtualProcess;
  readonly #speed: EngineSpeed;
  #loaded: LoadedModel | undefined;

  constructor(process: VirtualProcess, speed: EngineSpeed) {
    this.#process = process;
    this.#speed = speed;
  }

  /** As in the product, the replica is kept within one run. */
  async load({ runDigest }: { readonly runDigest: string }): Promise<LoadedModel> {
    await this.#process.work(100);
    if (this.#loaded?.replicaOf !== runDigest)
      this.#loaded = {
        trainable: this.#trainable(),
        layout,
        engine: "onnx",
        device: "cpu",
        replica: new Replica(gradientSize, optimiser),
        replicaOf: undefined,
      };
    return this.#loaded;
  }

  get replica(): Replica | undefined {
    return this.#loaded?.replica;
  }

  #trainable(): Trainable {
    const process = this.#process;
    const speed = this.#speed;
    let parameters = new Float32Array(gradientSize);
    let busy = false;
    const exclusively = async <T>(duration: number, act: () => T): Promise<T> => {
      if (busy) throw new Error("the engine was called while it was busy");
      busy = true;
      const result = act();
      await process.work(duration);
      busy = false;
      return result;
    };
    return {
      layout,
      backend: { name: "onnxruntime", reason: "simulated", warning: null },
      setParameters: (flat) => exclusively(speed.apply(), () => void (parameters = flat.slice())),
      gradients: (batch, into, dropout) =>
        exclusively(speed.shard(), () => {
          const { step, shard } = dropout ?? { step: 0, shard: 0 };
          writeGradient(into, parameters, { row: batch.inputIds[0] ?? 0, step, shard });
          return loss;
        }),
      loss: () => exclusively(speed.shard(), () => loss),
      decoder: () => Promise.reject(new Error("the simulation generates nothing")),
      dispose: () => Promise.resolve(),
    };
  }
}
