/** What the functions that ask a model have in common: which model, and what it is computed with. */
import type { RunConfig } from "../config/index.js";
import type { OpenedModel, OpenModelOptions } from "../generation/index.js";
import type { OptionKinds } from "./check-options.js";

/** Which model is asked, and how it is computed. */
export interface ModelOptions {
  /** The base model: a folder or a hub id. Default: the run's, else the one that the adapter names. */
  readonly model?: string | undefined;
  /** A PEFT folder that is put on the model. Default: the base model alone. */
  readonly adapter?: string | undefined;
  /** A Jinja template, as text or as a file's path. Default: the run's, else the adapter's, else the model's own. */
  readonly chatTemplate?: string | undefined;
  /** What computes. Default: as the run says, else "auto". */
  readonly engine?: "auto" | "onnx" | "tfjs" | undefined;
  /** On what. Default: as the run says, else "auto". */
  readonly device?: "auto" | "cpu" | "cuda" | "webgpu" | undefined;
  /** Of the base model's linear layers. Default: as the run says, else as the adapter was trained. */
  readonly quantization?: "none" | "nf4" | undefined;
  /** Threads of the computation on a CPU. Default: the cores that this process may use. */
  readonly threads?: number | undefined;
  /** Ends it: the function rejects with a CoxswainError "interrupted" whose cause is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Is called with what a person should know: an adapter of another base model, say. Default: nothing is shown. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Is called often, with what is being done: "loading the model". Default: nothing is shown. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** For tests: what computes in place of an engine in a thread of its own. */
export type OpenEngine = NonNullable<OpenModelOptions["openEngine"]>;

export const modelOptionKinds: OptionKinds<ModelOptions> = {
  model: "text",
  adapter: "text",
  chatTemplate: "text",
  engine: ["auto", "onnx", "tfjs"],
  device: ["auto", "cpu", "cuda", "webgpu"],
  quantization: ["none", "nf4"],
  threads: "a whole number above 0",
  signal: "an AbortSignal",
  onNote: "a function",
  onProgress: "a function",
};

/** Opens the model that options name; what they omit is as `config` says. Whoever calls it closes it. */
export async function openAskedModel(
  { model, adapter, chatTemplate, engine, device, quantization, threads, onProgress }: ModelOptions,
  config: RunConfig,
  openEngine: OpenEngine | undefined,
): Promise<OpenedModel> {
  const [{ openModel }, { hostLimits }] = await Promise.all([
    import("../generation/index.js"),
    import("../host/index.js"),
  ]);
  const { compute } = config;
  return openModel({
    model: model ?? null,
    adapter: adapter ?? null,
    chatTemplate: chatTemplate ?? config.data.chat_template,
    compute: { ...compute, engine: engine ?? compute.engine, device: device ?? compute.device },
    quantization: quantization ?? config.quantization ?? "auto",
    threads: threads ?? hostLimits().cores,
    ...(openEngine === undefined ? {} : { openEngine }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

/** A run file's defaults, for what is asked without one. */
export async function defaultConfig(data: string | readonly string[] = "."): Promise<RunConfig> {
  const { runSchema } = await import("../config/index.js");
  return runSchema.parse({ model: ".", output_dir: ".", data: { train: typeof data === "string" ? data : [...data] } });
}
