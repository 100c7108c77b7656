/** A simulated model of a worker: gradients are a few real floats; computing and applying take virtual time. */
import type { LoraLayout } from "../../../src/model/index.js";
import { Replica } from "../../../src/optim/index.js";
import type { TokenStore } from "../../../src/data/index.js";
import type { Trainable } from "../../../src/compute/index.js";
import type { LoadedModel, ModelSource } from "../../../src/worker/index.js";
import { optimiser, writeGradient } from "./reference.js";
import type { VirtualProcess } from "./virtual-clock.js";

/** The parameters of a simulated model. @param size their number */
export const simulatedLayout = (size: number): LoraLayout => ({
  r: 1,
  scale: 1,
  size,
  tensors: [{ module: "model.layers.0.mlp.up_proj", part: "A", shape: [1, size], offset: 0 }],
});

/** The loss of every shard: the sum in nats, over one supervised token. */
export const loss = { lossSum: 2, tokens: 1 };

/** Of an evaluation's shard: varies from state to state, and is equal for equal bits. */
const evaluationLoss = (parameters: Float32Array): typeof loss => ({
  lossSum: 2 + Math.sin(1e4 * (parameters[0] ?? 0)),
  tokens: 1,
});

/** Rows whose first token is the index of the row. @param tokens of a row */
export function simulatedRows(tokens: number): TokenStore {
  const rowCount = 997;
  const rest = new Array<number>(tokens - 1).fill(1);
  return {
    rowCount,
    statistics: {
      examples: rowCount,
      rows: rowCount,
      tokens: tokens * rowCount,
      supervisedTokens: rowCount,
      truncated: 0,
      dropped: { nothing_supervised_after_cut: 0 },
    },
    fingerprint: "data",
    row: (row) => {
      const inputIds = Int32Array.of(row, ...rest);
      return { inputIds, labels: inputIds, segments: [tokens] };
    },
    rowLength: () => tokens,
  };
}

/** How long the engine takes. */
export interface EngineSpeed {
  /** Resolves when a shard would have been computed. @param step undefined for an evaluation */
  readonly shard: (step: number | undefined) => Promise<void>;
  /** Resolves when the engine would have taken the new parameters. */
  readonly apply: () => Promise<void>;
  /** What a lying or broken worker makes of the gradient and loss of a shard. Default: nothing. */
  readonly falsify?: (gradient: Float32Array, result: { lossSum: number; tokens: number }) => void;
}

export class SimulatedModels implements ModelSource {
  readonly #process: VirtualProcess;
  readonly #layout: LoraLayout;
  readonly #size: number;
  readonly #speed: EngineSpeed;
  #loaded: LoadedModel | undefined;

  /** @param size elements of the vectors; fewer than the layout's where each stands for many */
  constructor(process: VirtualProcess, layout: LoraLayout, speed: EngineSpeed, size = layout.size) {
    this.#process = process;
    this.#layout = layout;
    this.#size = size;
    this.#speed = speed;
  }

  /** As in the product, the replica is kept within one run. */
  async load({ runDigest }: { readonly runDigest: string }): Promise<LoadedModel> {
    await this.#process.work(100);
    if (this.#loaded?.replicaOf !== runDigest)
      this.#loaded = {
        trainable: this.#trainable(),
        layout: this.#layout,
        engine: "onnx",
        device: "cpu",
        replica: new Replica(this.#size, optimiser),
        replicaOf: undefined,
      };
    return this.#loaded;
  }

  get replica(): Replica | undefined {
    return this.#loaded?.replica;
  }

  #trainable(): Trainable {
    const layout = simulatedLayout(this.#size);
    const speed = this.#speed;
    let parameters = new Float32Array(layout.size);
    let busy = false;
    const exclusively = async <T>(act: () => T, done: () => Promise<void>): Promise<T> => {
      if (busy) throw new Error("the engine was called while it was busy");
      busy = true;
      const result = act();
      await done();
      busy = false;
      return result;
    };
    return {
      layout,
      backend: { name: "onnxruntime", reason: "simulated", warning: null },
      setParameters: (flat) => exclusively(() => void (parameters = flat.slice()), speed.apply),
      gradients: (batch, into, dropout) => {
        const { step, shard } = dropout ?? { step: 0, shard: 0 };
        return exclusively(
          () => {
            writeGradient(into, parameters, { row: batch.inputIds[0] ?? 0, step, shard });
            const result = { ...loss };
            speed.falsify?.(into, result);
            return result;
          },
          () => speed.shard(step),
        );
      },
      loss: () =>
        exclusively(
          () => evaluationLoss(parameters),
          () => speed.shard(undefined),
        ),
      decoder: () => Promise.reject(new Error("the simulation generates nothing")),
      dispose: () => Promise.resolve(),
    };
  }
}
