/** A model opened for LoRA training by the `onnx` engine. Sessions are opened when first needed. */
import { CoxswainError } from "../../errors.js";
import type { Batch } from "../../data/row.js";
import type { ModelFolder, Nf4Weight, LoraLayout } from "../../model/index.js";
import { dropoutMask } from "../dropout.js";
import type { ComputeBackend, Decoder, DropoutKey, EngineOptions, LossSum, Trainable } from "../engine.js";
import { rotariesOf, weightShapes, type DecoderSpec } from "../families/index.js";
import { batchGraph, lossesName } from "./batch-graph.js";
import { checkBatch } from "../batch/check-tokens.js";
import { chunkLimit, lossChunks, type LossChunks } from "../batch/chunks.js";
import { batchFeeds } from "./feeds.js";
import { cacheNames, OnnxDecoder } from "./decoder.js";
import { deviceWeights, type DeviceWeights } from "./device-weights.js";
import { generationGraph } from "./generation-graph.js";
import { gradientName, maskName, parameterName } from "./graph-inputs.js";
import { dequantizedWeights, type ResidentWeight, type ResidentWeights } from "./resident.js";
import { RotaryTable } from "../batch/rotary-table.js";
import { Session, tensorClass, type Feeds, type TensorClass } from "./session.js";

export interface OnnxTrainableOptions extends EngineOptions {
  readonly model: ModelFolder;
  /** Quantised weights, in the same folder. */
  readonly nf4: ReadonlyMap<string, Nf4Weight>;
  readonly spec: DecoderSpec;
  readonly layout: LoraLayout;
  /** Weights that are used from memory instead of the model's files. */
  readonly resident: ResidentWeights;
  /** Maximum bytes that quantised weights may take in f32, for generation. */
  readonly limit: number;
  /** Probability of dropout before A. */
  readonly dropout: number;
  /** Maximum supervised tokens per chunk of the loss; by default the number that fits in 64 MiB of logits. */
  readonly lossChunk?: number;
  /** Prefix of files that operator timings are written to, for benchmarks. */
  readonly profile?: string;
}

type Purpose = "gradients" | "gradients with dropout" | "loss" | "generation";

export class OnnxTrainable implements Trainable {
  readonly layout: LoraLayout;
  readonly backend: ComputeBackend = { name: "onnxruntime", reason: "the only one", warning: null };
  readonly #options: Omit<OnnxTrainableOptions, "resident">;
  readonly #tensor: TensorClass;
  readonly #parameters: Float32Array;
  readonly #residentTypes: ReadonlyMap<string, ResidentWeight["type"]>;
  readonly #weights: DeviceWeights;
  /** Adapter tensors (views of `#parameters`) and resident weights: the same in every run. */
  readonly #constantFeeds: Feeds;
  readonly #rotary: readonly RotaryTable[];
  readonly #sessions = new Map<Purpose, Promise<Session>>();
  /** Quantised weights in f32, after the first generation. */
  #dequantized: Promise<DeviceWeights> | undefined;

  private constructor({ resident, ...options }: OnnxTrainableOptions, tensor: TensorClass, weights: DeviceWeights) {
    this.layout = options.layout;
    this.#options = options;
    this.#tensor = tensor;
    this.#residentTypes = new Map([...resident].map(([name, { type }]) => [name, type]));
    this.#weights = weights;
    this.#parameters = new Float32Array(options.layout.size);
    this.#constantFeeds = { ...this.#tensorsOf(this.#parameters, parameterName), ...weights.feeds };
    this.#rotary = rotariesOf(options.spec).map((settings) => new RotaryTable(settings));
  }

  /** @throws CoxswainError "config" if resident weights cannot be brought to the device */
  static async open(options: OnnxTrainableOptions): Promise<OnnxTrainable> {
    const tensor = await tensorClass();
    const { resident, spec, device } = options;
    return new OnnxTrainable(options, tensor, await deviceWeights(resident, weightShapes(spec), device, tensor));
  }

  setParameters(flat: Float32Array): Promise<void> {
    this.#requireSize(flat, "parameters");
    this.#parameters.set(flat);
    return Promise.resolve();
  }

  async gradients(batch: Batch, into: Float32Array, dropout?: DropoutKey): Promise<LossSum> {
    this.#requireSize(into, "gradients");
    if (this.layout.size === 0) return this.loss(batch);
    const chunks = this.#chunks(batch);
    if (chunks.supervised === 0) {
      into.fill(0);
      return { lossSum: 0, tokens: 0 };
    }
    const drops = dropout !== undefined && this.#options.dropout > 0;
    const session = await this.#session(drops ? "gradients with dropout" : "gradients");
    const feeds = this.#feeds(batch, chunks, true);
    const masks = drops ? this.#masks(dropout, batch) : {};
    const losses = new Float32Array(chunks.weights.length);
    await session.run(
      { ...feeds, ...masks },
      { ...this.#lossOutput(losses, chunks), ...this.#tensorsOf(into, gradientName) },
    );
    return { lossSum: sum(losses), tokens: chunks.supervised };
  }

  async loss(batch: Batch): Promise<LossSum> {
    const chunks = this.#chunks(batch);
    if (chunks.supervised === 0) return { lossSum: 0, tokens: 0 };
    const session = await this.#session("loss");
    const losses = new Float32Array(chunks.weights.length);
    await session.run(this.#feeds(batch, chunks, false), this.#lossOutput(losses, chunks));
    return { lossSum: sum(losses), tokens: chunks.supervised };
  }

  async decoder(rows: number): Promise<Decoder> {
    const { feeds } = await (this.#dequantized ??= this.#dequantize());
    return new OnnxDecoder(rows, {
      session: await this.#session("generation", Object.keys(feeds)),
      tensor: this.#tensor,
      spec: this.#options.spec,
      rotary: this.#rotary,
      constants: { ...this.#constantFeeds, ...feeds },
    });
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of await Promise.allSettled(sessions)) {
      if (session.status === "fulfilled") await session.value.close();
    }
    await (await this.#dequantized)?.close();
    await this.#weights.close();
  }

  async #dequantize(): Promise<DeviceWeights> {
    const { model: folder, nf4, device, limit } = this.#options;
    const weights = await dequantizedWeights({ folder, nf4 }, limit);
    const shapes = new Map([...nf4].map(([name, { shape }]) => [name, shape]));
    return deviceWeights(weights, shapes, device, this.#tensor);
  }

  /** @param dequantized names of quantised weights that are fed in f32 */
  #session(purpose: Purpose, dequantized: readonly string[] = []): Promise<Session> {
    let session = this.#sessions.get(purpose);
    if (session === undefined) {
      const { model, spec, device, threads, profile } = this.#options;
      const staying = purpose === "generation" && device === "webgpu" ? cacheNames(spec) : [];
      const settings = { purpose, folder: model.path, device, threads, staying };
      session = Session.open(
        this.#graph(purpose, dequantized),
        profile === undefined ? settings : { ...settings, profile },
      );
      this.#sessions.set(purpose, session);
    }
    return session;
  }

  #graph(purpose: Purpose, dequantized: readonly string[]): Uint8Array {
    const { model, nf4, spec, layout, device, dtype, dropout, gradientCheckpointing } = this.#options;
    const shared = { model, nf4, spec, layout, device, dtype, resident: this.#residentTypes };
    if (purpose === "generation") {
      const resident = new Map(this.#residentTypes);
      for (const name of dequantized) resident.set(name, "float32");
      return generationGraph({ ...shared, resident });
    }
    return batchGraph({
      ...shared,
      gradients: purpose !== "loss",
      dropout: purpose === "gradients with dropout" ? dropout : 0,
      gradientCheckpointing,
    });
  }

  #feeds(batch: Batch, chunks: LossChunks, gradients: boolean): Feeds {
    return { ...batchFeeds(this.#tensor, batch, chunks, this.#rotary, gradients), ...this.#constantFeeds };
  }

  #lossOutput(losses: Float32Array, { chunks, chunk }: LossChunks): Feeds {
    return { [lossesName]: new this.#tensor("float32", losses, [chunks, chunk, 1]) };
  }

  #chunks(batch: Batch): LossChunks {
    const { spec, lossChunk } = this.#options;
    checkBatch(batch, spec);
    return lossChunks(batch, lossChunk ?? chunkLimit(spec.vocabularySize));
  }

  #masks(key: DropoutKey, batch: Batch): Feeds {
    const feeds: Feeds = {};
    const tokens = batch.rows * batch.length;
    this.layout.tensors.forEach(({ module, part, shape: [, inFeatures] }, index) => {
      if (part !== "A") return;
      const mask = dropoutMask(key, module, this.#options.dropout, tokens * inFeatures);
      feeds[maskName(index)] = new this.#tensor("bool", mask, [tokens, inFeatures]);
    });
    return feeds;
  }

  /** Views of each LoRA tensor in a flat vector. */
  #tensorsOf(flat: Float32Array, name: (index: number) => string): Feeds {
    const entries = this.layout.tensors.map(({ shape, offset }, index) => {
      const view = flat.subarray(offset, offset + shape[0] * shape[1]);
      return [name(index), new this.#tensor("float32", view, shape)] as const;
    });
    return Object.fromEntries(entries);
  }

  #requireSize(vector: Float32Array, what: string): void {
    if (vector.length === this.layout.size) return;
    throw new CoxswainError("bug", `${what}: ${vector.length} numbers for a layout of ${this.layout.size}`);
  }
}

/** In f64 and in order: exact enough, and the same on any machine. */
const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);
