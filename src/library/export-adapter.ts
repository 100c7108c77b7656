/** `exportAdapter()`: writes an adapter in another program's format, like `coxswain export`. */
import { basename, dirname, resolve } from "node:path";
import { floatTypes } from "../config/choices.js";
import { CoxswainError } from "../errors.js";
import type { GgufReport } from "../gguf/index.js";
import { namedCallbacks } from "./callbacks.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { abortableProgress, rejectingWell, throwIfAborted } from "./errors.js";
import { findAdapter } from "./find-adapter.js";
import { variablesNote } from "./variables-note.js";

/** Options of {@link exportAdapter}. */
export interface ExportOptions {
  /** The adapter's folder, the output folder of its run, or its run file. */
  readonly adapter: string;
  /** The format: llama.cpp's. */
  readonly format: "gguf";
  /** The file to write. */
  readonly output: string;
  /** The base model: a folder or a hub id. Default: the one that the adapter names. */
  readonly model?: string | undefined;
  /** Type of the tensors. Default: "float32", as adapters are trained. */
  readonly dtype?: "float32" | "float16" | "bfloat16" | undefined;
  /** Replace an existing file. Default: false. */
  readonly force?: boolean | undefined;
  /** Aborts the export: rejects with a CoxswainError "interrupted". */
  readonly signal?: AbortSignal | undefined;
  /** Called with notes for the user. Default: none. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Called with the current activity: "hashing the model". Default: none. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** The result of {@link exportAdapter}. */
export interface ExportResult extends GgufReport {
  /** The adapter's folder. */
  readonly adapter: string;
  /** The base model, as given or as named by the adapter. */
  readonly model: string;
}

export type { GgufReport };

const optionKinds: OptionKinds<ExportOptions> = {
  adapter: "text",
  format: ["gguf"],
  output: "text",
  model: "text",
  dtype: floatTypes,
  force: "true or false",
  signal: "an AbortSignal",
  onNote: "a function",
  onProgress: "a function",
};

const types = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const;

/**
 * Writes a LoRA adapter as GGUF, for `llama-server --lora` and the like. The file is written under a temporary name and
 * then renamed, so that it is either complete or absent.
 *
 * @param options what to export, and the file
 * @throws CoxswainError "usage" for invalid options or an existing file, "model" if the adapter does not match the model or
 *   a value does not fit float16, "storage", "interrupted"
 */
export function exportAdapter(options: ExportOptions): Promise<ExportResult> {
  return rejectingWell(async () => {
    checkOptions("exportAdapter()", options, optionKinds, ["adapter", "format", "output"]);
    return exportGguf(namedCallbacks(options));
  });
}

async function exportGguf(options: ExportOptions): Promise<ExportResult> {
  const { model, output, dtype = "float32", force = false, signal, onNote } = options;
  const show = abortableProgress("the export", options);
  const [{ openModelFolder, otherBaseNote, readAdapterOrigin, resolveBase }, compute, generation, gguf] =
    await Promise.all([
      import("../model/index.js"),
      import("../compute/index.js"),
      import("../generation/index.js"),
      import("../gguf/index.js"),
    ]);
  throwIfAborted("the export", signal);
  const adapter = await findAdapter(options.adapter);
  if (adapter === null) {
    throw new CoxswainError("model", `${options.adapter} is neither a run nor an adapter folder`, {
      hint: "Give a run's output folder, its run file, or a folder with adapter_config.json and adapter_model.safetensors.",
    });
  }
  const origin = await readAdapterOrigin(adapter);
  const base = model ?? origin.baseModel;
  if (base === undefined) {
    throw new CoxswainError("usage", `${adapter} does not name its base model`, {
      hint: "Name the base model with `model` (--model): a folder or a hub id.",
    });
  }
  const folder = await resolveBase(base, { adapter: model === undefined ? adapter : null, onProgress: show });
  const opened = await openModelFolder(folder);
  const spec = compute.describeModel(opened);
  const { layout, parameters, settings } = await generation.prepareAdapter(adapter, opened);
  const otherBase = await otherBaseNote(origin, opened, base, { onHash: () => show("hashing the model") });
  if (otherBase !== null) onNote?.(otherBase);
  if (Object.keys(origin.templateKwargs).length > 0) onNote?.(variablesNote(origin.templateKwargs, "a GGUF file"));
  show(`writing ${output}`);
  const report = await gguf.writeAdapterGguf(resolve(output), {
    layout,
    parameters,
    settings,
    spec,
    name: nameOf(adapter),
    type: types[dtype],
    force,
  });
  return { ...report, adapter, model: base };
}

/** "my-run" for runs/my-run/adapter. */
function nameOf(adapter: string): string {
  const path = resolve(adapter);
  const name = basename(path);
  return name === "adapter" ? basename(dirname(path)) : name;
}
