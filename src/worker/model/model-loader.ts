/**
 * Gets the run's model onto this machine (a local copy, the cache, or streamed) and opens it for training. A worker can
 * serve one run after another: the open model is reused if it would be opened in the same way, the replica only within one
 * run, since it contains the AdamW settings.
 */
import { whileWorking } from "../../async/index.js";
import type { Clock } from "../../clock.js";
import { openEngine } from "../../compute/index.js";
import type { Device, EngineName, Trainable } from "../../compute/index.js";
import type { WorkerConfig } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { cachedModel, loraSettings, modelManifest, openModelFolder, receiveModel } from "../../model/index.js";
import type { LoraLayout, ModelManifest } from "../../model/index.js";
import { Replica } from "../../optim/index.js";
import type { WelcomeOutput } from "../../rpc/index.js";
import type { Logger } from "../../telemetry/index.js";
import { NativeSettings } from "./native-settings.js";
import type { CoordinatorCalls } from "../transport.js";
import { unexpected } from "../unexpected.js";

/** The opened model, and the run that its replica belongs to. */
interface OpenModel {
  readonly trainable: Trainable;
  readonly layout: LoraLayout;
  readonly engine: EngineName;
  readonly device: Device;
}

export interface LoadedModel extends OpenModel {
  readonly replica: Replica;
  /** The run of the replica (Welcome.run_digest); undefined while the replica is empty. */
  replicaOf: string | undefined;
}

/** Which model it is, and of which run. */
export type NamedModel = Pick<WelcomeOutput, "model" | "modelPath" | "runDigest">;

type ModelFiles = Pick<CoordinatorCalls, "pullModelFile">;

/** Supplies the models of a worker's runs. */
export interface ModelSource {
  /**
   * Called again when the worker reconnects, for the same run or another.
   * @param coordinator streams the files if there is no local copy
   * @throws CallFailed if they do not arrive; CoxswainError "model" if the model cannot be obtained or opened
   */
  load(welcome: NamedModel, config: WorkerConfig, coordinator: ModelFiles): Promise<LoadedModel>;
}

export interface ModelLoaderOptions {
  /** A folder with the model; rejected if its content differs. */
  readonly modelFolder: string | undefined;
  /** Overrides the run's `compute.device`. */
  readonly device: Device | "auto" | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps the last model open, so that a worker that reconnects to the same run need not load it again. */
export class ModelLoader implements ModelSource {
  readonly #options: ModelLoaderOptions;
  readonly #native = new NativeSettings();
  #loaded: { readonly key: string; readonly model: LoadedModel } | undefined;

  constructor(options: ModelLoaderOptions) {
    this.#options = options;
  }

  async load(welcome: NamedModel, config: WorkerConfig, coordinator: ModelFiles): Promise<LoadedModel> {
    const manifest = readManifest(welcome);
    // Everything that `#open` reads from the run. Settings that affect only the replica are in the run's digest.
    const key = JSON.stringify([manifest.hash, config.lora, config.compute, config.quantization]);
    const kept = this.#loaded?.key === key ? this.#loaded.model : undefined;
    if (kept?.replicaOf === welcome.runDigest) return kept;
    const open: OpenModel = kept ?? (await this.#replace(manifest, welcome.modelPath, config, coordinator));
    const model: LoadedModel = { ...open, replica: emptyReplica(open.layout, config), replicaOf: undefined };
    this.#loaded = { key, model };
    return model;
  }

  async #replace(
    manifest: ModelManifest,
    modelPath: string,
    config: WorkerConfig,
    coordinator: ModelFiles,
  ): Promise<OpenModel> {
    await this.close();
    return this.#open(await this.#obtain(manifest, modelPath, coordinator), config);
  }

  async close(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.model.trainable.dispose();
  }

  /** Folders are compared by content only; if none matches, the files are streamed into the cache. */
  async #obtain(manifest: ModelManifest, coordinatorPath: string, coordinator: ModelFiles): Promise<string> {
    const { clock, logger, modelFolder } = this.#options;
    for (const candidate of [modelFolder, coordinatorPath]) {
      if (candidate === undefined) continue;
      const say = (seconds: number): void => logger.info({ model: candidate, seconds }, "still hashing the model");
      if (await whileWorking(clock, say, () => hasContent(candidate, manifest.hash))) return candidate;
      if (candidate === modelFolder)
        throw new CoxswainError("model", `--model ${candidate} is not the model of this run: its content differs`, {
          hint: "Omit --model: the worker then gets the model from the coordinator.",
        });
    }
    const cached = await cachedModel(manifest.hash);
    if (cached !== undefined) return cached;
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    logger.info({ bytes, hash: manifest.hash }, "receiving the model from the coordinator");
    const sizes = new Map(manifest.files.map((file) => [file.name, file.bytes]));
    let received = 0;
    async function* counted(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const piece of content) {
        received += piece.length;
        yield piece;
      }
    }
    return whileWorking(
      clock,
      (seconds) => logger.info({ received, bytes, seconds }, "still receiving the model"),
      () => receiveModel(manifest, (name) => counted(coordinator.pullModelFile(name, sizes.get(name) ?? 0))),
    );
  }

  async #open(path: string, config: WorkerConfig): Promise<OpenModel> {
    const { clock, logger, device } = this.#options;
    const folder = await openModelFolder(path);
    const { engine: asked, dtype, gradient_checkpointing: gradientCheckpointing } = config.compute;
    const opened = await openEngine({
      engine: asked,
      device: device ?? config.compute.device,
      dtype,
      threads: config.compute.threads,
      gradientCheckpointing,
      quantization: config.quantization,
    });
    logger.info(
      {
        engine: opened.engine.name,
        device: opened.device,
        why: opened.reason,
        threads: opened.options.threads,
        quantization: opened.options.quantization,
        model: path,
      },
      "loading the model",
    );
    this.#native.require(opened.engine.name, opened.options);
    const trainable = await whileWorking(
      clock,
      (seconds) => logger.info({ model: path, seconds }, "still loading the model"),
      () => opened.engine.load(folder, loraSettings(config), opened.options),
    );
    const { layout, backend } = trainable;
    this.#native.loaded(backend.name, opened.options);
    logger.info({ engine: opened.engine.name, backend: backend.name, why: backend.reason }, "the model is open");
    if (backend.warning !== null) logger.warn({ backend: backend.name }, backend.warning);
    return { trainable, layout, engine: opened.engine.name, device: opened.device };
  }
}

/** An empty replica with the run's settings: the coordinator's state is pulled before anything is computed. */
function emptyReplica(layout: LoraLayout, { training }: WorkerConfig): Replica {
  const { adam_beta1: beta1, adam_beta2: beta2, adam_epsilon: epsilon, weight_decay: weightDecay } = training;
  return new Replica(layout.size, { beta1, beta2, epsilon, weightDecay });
}

function readManifest({ model }: NamedModel): ModelManifest {
  if (model === null) throw unexpected("the coordinator's welcome names no model");
  return model;
}

async function hasContent(path: string, hash: string): Promise<boolean> {
  try {
    return (await modelManifest(path)).hash === hash;
  } catch {
    // The folder does not exist or is not a complete model, so it does not match.
    return false;
  }
}
