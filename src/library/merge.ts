/** `merge()`: merges a base model and an adapter into one Hugging Face model folder, like `coxswain merge`. */
import { floatTypes } from "../config/choices.js";
import { CoxswainError } from "../errors.js";
import type { MergeReport, MergeType, ModelFolder, Quantization, RoundingCost } from "../model/index.js";
import { namedCallbacks } from "./callbacks.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { abortableProgress, rejectingWell, throwIfAborted } from "./errors.js";
import { variablesNote } from "./variables-note.js";

/** Options of {@link merge}. */
export interface MergeOptions {
  /** The PEFT adapter, such as `runs/my-run/adapter`. */
  readonly adapter: string;
  /** Folder to write the merged model to; must not exist yet, or be empty. */
  readonly output: string;
  /** The base model: a folder or a hub id. Default: the one that the adapter names. */
  readonly model?: string | undefined;
  /** Type of the weights. Default: "auto", which keeps the base model's. */
  readonly dtype?: MergeType | undefined;
  /** Aborts the merge and removes what was written: rejects with a CoxswainError "interrupted". */
  readonly signal?: AbortSignal | undefined;
  /** Called with notes for the user, before the weights are written. Default: none. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Called with the current activity: "writing model.safetensors". Default: none. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** The result of {@link merge}. */
export interface MergeResult extends MergeReport {
  /** The base model, as given or as named by the adapter. */
  readonly model: string;
  /** How the base model was quantised when the adapter was trained; null: not quantised. */
  readonly quantization: Quantization | null;
}

export type { MergeReport, MergeType, Quantization, RoundingCost };

const optionKinds: OptionKinds<MergeOptions> = {
  adapter: "text",
  output: "text",
  model: "text",
  dtype: ["auto", ...floatTypes],
  signal: "an AbortSignal",
  onNote: "a function",
  onProgress: "a function",
};

/**
 * Writes a Hugging Face model folder with an adapter merged into the weights. The folder is written under a temporary name
 * and then renamed, so that it is either complete or absent.
 *
 * @param options what to merge, and the output folder
 * @throws CoxswainError "usage" for invalid options or a non-empty output folder, "model" if the adapter does not match the
 *   model, "storage", "interrupted"
 */
export function merge(options: MergeOptions): Promise<MergeResult> {
  return rejectingWell(async () => {
    checkOptions("merge()", options, optionKinds, ["adapter", "output"]);
    return mergeFolders(namedCallbacks(options));
  });
}

async function mergeFolders(options: MergeOptions): Promise<MergeResult> {
  const { model, adapter: adapterFolder, output, dtype = "auto", signal, onNote } = options;
  const show = abortableProgress("the merge", options);
  const [{ mergeAdapter, openModelFolder, otherBaseNote, readAdapter, resolveBase }, data] = await Promise.all([
    import("../model/index.js"),
    import("../data/index.js"),
  ]);
  throwIfAborted("the merge", signal);
  const adapter = await readAdapter(adapterFolder);
  const base = model ?? adapter.baseModel;
  if (base === undefined) {
    throw new CoxswainError("usage", `${adapterFolder} does not name its base model`, {
      hint: "Name the base model with `model` (--model): a folder or a hub id.",
    });
  }
  const folder = await resolveBase(base, { adapter: model === undefined ? adapterFolder : null, onProgress: show });
  const opened = await openModelFolder(folder);
  const otherBase = await otherBaseNote(adapter, opened, base, { onHash: () => show("hashing the model") });
  const companions = await data.inferenceFiles({ folder, adapter: adapterFolder, chatTemplate: null });
  const texts = companions.has("tokenizer.json")
    ? await data.adapterTextNotes(await data.openTokenizerIfAny(folder, { adapter: adapterFolder }), null)
    : [];
  const variables =
    Object.keys(adapter.templateKwargs).length === 0 ? [] : [variablesNote(adapter.templateKwargs, "a merged model")];
  const notes = [...(otherBase === null ? [] : [otherBase]), ...(await notesOn(opened)), ...texts, ...variables];
  for (const note of notes) onNote?.(note);
  const report = await mergeAdapter({
    model: opened,
    folder,
    adapter,
    companions,
    output,
    dtype,
    onFile: (name) => show(`writing ${name}`),
  });
  return { ...report, model: base, quantization: adapter.quantization };
}

/** Notes on the weights of a supported family; merging itself works with any family. */
async function notesOn(folder: ModelFolder): Promise<readonly string[]> {
  const { familyNames, weightNotes } = await import("../compute/index.js");
  return familyNames.some((family) => family === folder.config["model_type"]) ? weightNotes(folder) : [];
}
