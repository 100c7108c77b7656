/** Options shared by the functions that run a model: which model, and how to compute it. */
import { devices, engines } from "../config/choices.js";
import type { RunConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import type { OpenedModel, OpenModelOptions } from "../generation/index.js";
import type { OptionKinds } from "./check-options.js";

/** Which model to run, and how to compute it. */
export interface ModelOptions {
  /** The base model: a folder or a hub id. Default: the run's, else the one that the adapter names. */
  readonly model?: string | undefined;
  /** Folder of a PEFT adapter to apply. Default: the base model alone. */
  readonly adapter?: string | undefined;
  /** A Jinja template, as text or as a file's path. Default: the run's, else the adapter's, else the model's own. */
  readonly chatTemplate?: string | undefined;
  /**
   * Variables of the chat template, such as `{ enable_thinking: false }`. They go before the run's, and those before what
   * the adapter was trained with, key by key; null stands for no value. Default: none.
   */
  readonly chatTemplateKwargs?: Readonly<Record<string, unknown>> | undefined;
  /** The compute engine. Default: the run's, else "auto". */
  readonly engine?: "auto" | "onnx" | "tfjs" | undefined;
  /** The compute device. Default: the run's, else "auto". */
  readonly device?: "auto" | "cpu" | "cuda" | "webgpu" | undefined;
  /** Quantization of the base model's linear layers. Default: the run's, else as the adapter was trained. */
  readonly quantization?: "none" | "nf4" | undefined;
  /** Number of compute threads on a CPU. Default: the cores that this process may use. */
  readonly threads?: number | undefined;
  /** Aborts the function: it rejects with a CoxswainError "interrupted" whose cause is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with notes for the user, such as an adapter of another base model. Default: none. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Called frequently with the current activity: "loading the model". Default: none. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** For tests: replaces the engine in a separate thread. */
export type OpenEngine = NonNullable<OpenModelOptions["openEngine"]>;

export const modelOptionKinds: OptionKinds<ModelOptions> = {
  model: "text",
  adapter: "text",
  chatTemplate: "text",
  chatTemplateKwargs: "an object",
  engine: ["auto", ...engines],
  device: ["auto", ...devices],
  quantization: ["none", "nf4"],
  threads: "a whole number above 0",
  signal: "an AbortSignal",
  onNote: "a function",
  onProgress: "a function",
};

/** Opens the model that the options name; omitted options are taken from `config`. The caller closes it. */
export async function openAskedModel(
  { model, adapter, chatTemplate, chatTemplateKwargs, engine, device, quantization, threads, onProgress }: ModelOptions,
  config: RunConfig,
  openEngine: OpenEngine | undefined,
): Promise<OpenedModel> {
  const [{ openModel }, { reservedNameProblem }, { hostLimits }] = await Promise.all([
    import("../generation/index.js"),
    import("../config/index.js"),
    import("../host/index.js"),
  ]);
  for (const name of Object.keys(chatTemplateKwargs ?? {})) {
    const hint = reservedNameProblem(name);
    if (hint === undefined) continue;
    const what = "chat template variables (--chat-template-kwargs)";
    throw new CoxswainError("usage", `${what}: ${JSON.stringify(name)} is a reserved name`, { hint });
  }
  const { compute } = config;
  return openModel({
    model: model ?? null,
    adapter: adapter ?? null,
    chatTemplate: chatTemplate ?? config.data.chat_template,
    templateKwargs: { ...config.data.chat_template_kwargs, ...chatTemplateKwargs },
    compute: { ...compute, engine: engine ?? compute.engine, device: device ?? compute.device },
    quantization: quantization ?? config.quantization ?? "auto",
    threads: threads ?? hostLimits().cores,
    ...(openEngine === undefined ? {} : { openEngine }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

/** The defaults of a run file, for calls without a run. */
export async function defaultConfig(data: string | readonly string[] = "."): Promise<RunConfig> {
  const { runSchema } = await import("../config/index.js");
  return runSchema.parse({ model: ".", output_dir: ".", data: { train: typeof data === "string" ? data : [...data] } });
}
