/**
 * A model ready for generation: its folder, tokenizer and templates, and an engine with the model loaded, with or
 * without an adapter. Errors in folder or adapter are detected before the weights are loaded.
 */
import { openEngine, positionLimit, weightNotes } from "../compute/index.js";
import type { ComputeSettings, EngineName, OpenedEngine, Trainable } from "../compute/index.js";
import type { RunConfig } from "../config/index.js";
import {
  adapterTextNotes,
  kwargsNotes,
  openChatTemplates,
  openTokenizer,
  type ChatTemplates,
  type TextTokenizer,
} from "../data/index.js";
import { CoxswainError } from "../errors.js";
import {
  openModelFolder,
  otherBaseNote,
  readAdapterOrigin,
  resolveBase,
  type AdapterOrigin,
  type ModelFolder,
  type Quantization,
} from "../model/index.js";
import { prepareAdapter } from "./prepare-adapter.js";
import { stopTokens } from "./stop-tokens.js";

export type QuantizationChoice = "auto" | "none" | Quantization;

export interface OpenModelOptions {
  /** A folder or a hub id; null: the adapter's base model. */
  readonly model: string | null;
  /** A PEFT folder; its settings are those of its adapter_config.json. null: the base model. */
  readonly adapter: string | null;
  /** Jinja text or a file; null: the adapter's own template, else the model's own. */
  readonly chatTemplate: string | null;
  /** Variables of the chat template. They go before those that the adapter was trained with, key by key. Default: none. */
  readonly templateKwargs?: Readonly<Record<string, unknown>>;
  readonly compute: Pick<RunConfig["compute"], "engine" | "device" | "dtype">;
  /** Of the base model; "auto": as the adapter was trained. */
  readonly quantization: QuantizationChoice;
  /** Threads of the computation on a CPU. */
  readonly threads: number;
  /** Default: the engine of `compute`, in a separate thread. */
  readonly openEngine?: (settings: ComputeSettings) => Promise<OpenedEngine>;
  /** Called with a line of text during slow work (a download). Default: nothing is shown. */
  readonly onProgress?: (text: string) => void;
}

export interface OpenedModel {
  /** The model's name as given, or as in the adapter. */
  readonly name: string;
  readonly folder: ModelFolder;
  readonly trainable: Trainable;
  readonly tokenizer: TextTokenizer;
  /** null: neither the model nor the options have one. */
  readonly templates: ChatTemplates | null;
  /** Variables of the chat template: the adapter's and those that were given. */
  readonly templateKwargs: Readonly<Record<string, unknown>>;
  /** Ids that end an answer. */
  readonly stopIds: ReadonlySet<number>;
  /** Context length (computable positions, otherwise `max_position_embeddings`); Infinity if unknown. */
  readonly contextLength: number;
  readonly engine: EngineName;
  /** The device, and why: "cpu (no CUDA device)". */
  readonly device: string;
  /** Of the base model, and why: "nf4 (as the adapter was trained)"; null if there is nothing to report. */
  readonly quantization: string | null;
  /** The same, without the reason; null: not quantised. */
  readonly usedQuantization: Quantization | null;
  /** Notes for the user before a long computation, one sentence each. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens a model; the caller must close it.
 * @throws CoxswainError "model" for a model or adapter that is missing, damaged, not supported, or an adapter of another
 *   model; "config" for an unavailable device or engine
 */
export async function openModel(options: OpenModelOptions): Promise<OpenedModel> {
  const { onProgress } = options;
  const origin = options.adapter === null ? null : await readAdapterOrigin(options.adapter);
  const name = options.model ?? baseOf(origin);
  const path = await resolveBase(name, {
    adapter: options.model === null ? options.adapter : null,
    onProgress: (text) => onProgress?.(text),
  });
  const folder = await openModelFolder(path);
  const adapter = options.adapter === null ? null : await prepareAdapter(options.adapter, folder);
  const tokenizer = await openTokenizer(path, { adapter: options.adapter });
  const notes = [...(await adapterTextNotes(tokenizer, options.chatTemplate))];
  const onHash = (): void => onProgress?.("hashing the model");
  const otherBase = origin === null ? null : await otherBaseNote(origin, folder, name, { onHash });
  if (otherBase !== null) notes.unshift(otherBase);
  const trainedKwargs = origin?.templateKwargs ?? {};
  const templateKwargs = { ...trainedKwargs, ...options.templateKwargs };
  const templates = await openChatTemplates(tokenizer, { override: options.chatTemplate, kwargs: templateKwargs });
  if (templates !== null) notes.push(...kwargsNotes(trainedKwargs, options.templateKwargs ?? {}, templates));
  const quantization = quantizationOf(options.quantization, adapter?.quantization ?? null);
  const {
    engine,
    device,
    reason,
    options: engineOptions,
  } = await (options.openEngine ?? openEngine)({
    ...options.compute,
    threads: options.threads,
    gradientCheckpointing: false,
    quantization: quantization.used,
  });
  const trainable = await engine.load(folder, adapter?.settings ?? null, engineOptions);
  try {
    if (adapter !== null) await trainable.setParameters(adapter.parameters);
  } catch (error) {
    await trainable.dispose();
    throw error;
  }
  const { warning } = trainable.backend;
  return {
    name,
    folder,
    trainable,
    tokenizer,
    templates,
    templateKwargs,
    stopIds: stopTokens(tokenizer, templates),
    contextLength: contextLengthOf(folder),
    engine: engine.name,
    device: `${device} (${reason})${backendOf(engine.name, trainable)}`,
    quantization: quantization.text,
    usedQuantization: quantization.used,
    warnings: [...notes, ...weightNotes(folder), ...(warning === null ? [] : [warning])],
    close: () => trainable.dispose(),
  };
}

function baseOf(origin: AdapterOrigin | null): string {
  if (origin?.baseModel !== undefined) return origin.baseModel;
  throw new CoxswainError(
    "usage",
    origin === null ? "no model is named" : `${origin.path} does not name its base model`,
    { hint: "Give the base model with --model: a folder or a hub id." },
  );
}

/** @param trained quantisation of the adapter's base model in training */
function quantizationOf(
  asked: QuantizationChoice,
  trained: Quantization | null,
): { readonly used: Quantization | null; readonly text: string | null } {
  if (asked === "auto") {
    return { used: trained, text: trained === null ? null : `${trained} (as the adapter was trained)` };
  }
  if (asked !== "none") return { used: asked, text: `${asked} (asked for)` };
  return { used: null, text: trained === null ? null : `none (as requested; the adapter was trained on ${trained})` };
}

/** Engines with a single backend report none. */
function backendOf(engine: EngineName, { backend }: Trainable): string {
  return engine === "onnx" ? "" : `, ${engine} on ${backend.name} (${backend.reason})`;
}

function contextLengthOf(folder: ModelFolder): number {
  const limit = positionLimit(folder);
  if (limit !== null) return limit.positions;
  const positions = folder.config["max_position_embeddings"];
  return typeof positions === "number" && positions > 0 ? positions : Infinity;
}
