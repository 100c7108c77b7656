/** A model opened for LoRA training by the `tfjs` engine. */
import { tidy, type Tensor } from "@tensorflow/tfjs-core";
import { attentionBlocks, chunkLimit, lossChunks, type LossChunks } from "../batch/chunks.js";
import { checkBatch } from "../batch/check-tokens.js";
import { RotaryTable } from "../batch/rotary-table.js";
import type { Batch } from "../../data/row.js";
import { CoxswainError } from "../../errors.js";
import type { LoraLayout } from "../../model/index.js";
import { dropoutMask } from "../dropout.js";
import type { ComputeBackend, Decoder, DropoutKey, LossSum, Trainable } from "../engine.js";
import { headWeight, hiddenStates, rotariesOf, type DecoderSpec } from "../families/index.js";
import { Adapters } from "./adapters.js";
import type { Backend } from "./backends.js";
import { BatchScope } from "./batch-scope.js";
import type { Dropout, TensorContext } from "./context.js";
import { TfjsDecoder } from "./decoder.js";
import { chunkedLoss } from "./loss.js";
import { windowsOf } from "./masks.js";
import { runtimeTrouble } from "./runtime-trouble.js";
import { sequenceTensors } from "./sequence.js";
import { Tape } from "./tape.js";
import { TensorOps } from "./tensor-ops.js";
import type { Weights } from "./weights.js";

export interface TfjsTrainableOptions {
  readonly backend: Backend;
  readonly spec: DecoderSpec;
  readonly layout: LoraLayout;
  readonly weights: Weights;
  /** Probability of dropout before A. */
  readonly dropout: number;
  readonly gradientCheckpointing: boolean;
  /** Maximum supervised tokens per chunk of the loss; by default the number that fits in 64 MiB of logits. */
  readonly lossChunk?: number;
}

export class TfjsTrainable implements Trainable {
  readonly layout: LoraLayout;
  readonly backend: ComputeBackend;
  readonly #options: TfjsTrainableOptions;
  readonly #adapters: Adapters;
  readonly #rotary: readonly RotaryTable[];
  readonly #decoders = new Set<TfjsDecoder>();

  constructor(options: TfjsTrainableOptions) {
    this.layout = options.layout;
    this.backend = options.backend.report;
    this.#options = options;
    this.#adapters = new Adapters(options.layout);
    this.#rotary = rotariesOf(options.spec).map((settings) => new RotaryTable(settings));
  }

  setParameters(flat: Float32Array): Promise<void> {
    return this.#compute("parameters", () => {
      this.#requireSize(flat, "parameters");
      this.#adapters.set(flat);
    });
  }

  gradients(batch: Batch, into: Float32Array, dropout?: DropoutKey): Promise<LossSum> {
    if (this.layout.size === 0) return this.loss(batch);
    return this.#compute("gradients", () => {
      this.#requireSize(into, "gradients");
      // Parameters that the loss does not depend on have a gradient of 0.
      into.fill(0);
      return this.#run(batch, new Tape(this.#adapters.gradientsInto(into)), this.#dropoutOf(dropout));
    });
  }

  loss(batch: Batch): Promise<LossSum> {
    return this.#compute("loss", () => this.#run(batch, null, null));
  }

  decoder(rows: number): Promise<Decoder> {
    const { spec, weights, backend } = this.#options;
    const decoder: TfjsDecoder = new TfjsDecoder(rows, {
      spec,
      weights,
      backend,
      adapters: this.#adapters,
      rotary: this.#rotary,
      onClose: () => this.#decoders.delete(decoder),
    });
    this.#decoders.add(decoder);
    return Promise.resolve(decoder);
  }

  async dispose(): Promise<void> {
    for (const decoder of [...this.#decoders]) await decoder.close();
    this.#adapters.dispose();
    this.#options.weights.dispose();
  }

  /** The loss, and its gradient if there is a tape. */
  #run(batch: Batch, tape: Tape | null, dropout: Dropout | null): LossSum {
    const { spec, weights, backend, gradientCheckpointing } = this.#options;
    const { products } = backend;
    const chunks = this.#chunks(batch);
    if (chunks.supervised === 0) return { lossSum: 0, tokens: 0 };
    return tidy(() => {
      const context: TensorContext = {
        weights,
        adapters: this.#adapters,
        products,
        sequence: sequenceTensors(batch, this.#rotary),
        scope: new BatchScope(batch, windowsOf(spec), attentionBlocks(batch.length)),
        dropout,
        tape,
      };
      const hidden: Tensor = hiddenStates(new TensorOps(context, gradientCheckpointing), spec);
      const head = weights.get(headWeight(spec));
      const { lossSum, toHidden } = chunkedLoss(
        { products, hidden, head, softCap: spec.logitSoftCap },
        chunks,
        tape !== null,
      );
      if (tape !== null && toHidden !== null) {
        tape.accumulate(hidden, toHidden);
        tape.backward();
      }
      return { lossSum, tokens: chunks.supervised };
    });
  }

  #chunks(batch: Batch): LossChunks {
    const { spec, lossChunk } = this.#options;
    checkBatch(batch, spec);
    return lossChunks(batch, lossChunk ?? chunkLimit(spec.vocabularySize));
  }

  #dropoutOf(key: DropoutKey | undefined): Dropout | null {
    const { dropout: probability } = this.#options;
    if (key === undefined || probability === 0) return null;
    return {
      mask: (module, elements) => dropoutMask(key, module, probability, elements),
      keepScale: 1 / (1 - probability),
    };
  }

  #compute<R>(purpose: string, action: () => R): Promise<R> {
    return Promise.resolve().then(() => runtimeTrouble(this.#options.backend, purpose, action));
  }

  #requireSize(vector: Float32Array, what: string): void {
    if (vector.length === this.layout.size) return;
    throw new CoxswainError("bug", `${what}: ${vector.length} numbers for a layout of ${this.layout.size}`);
  }
}
