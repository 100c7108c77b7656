/** `merge()`: a base model and an adapter become one Hugging Face model folder, as `coxswain merge`. */
import { CoxswainError } from "../errors.js";
import type { MergeReport, MergeType, ModelFolder, Quantization, RoundingCost } from "../model/index.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { rejectingWell, throwIfAborted } from "./errors.js";

/** What {@link merge} takes. */
export interface MergeOptions {
  /** The PEFT adapter, such as `runs/my-run/adapter`. */
  readonly adapter: string;
  /** Where the merged model is written; must not exist yet, or be empty. */
  readonly output: string;
  /** The base model: a folder or a hub id. Default: the one that the adapter names. */
  readonly model?: string | undefined;
  /** Type of the weights. Default: "auto", which keeps the base model's. */
  readonly dtype?: MergeType | undefined;
  /** Ends it, leaving nothing behind: rejects with a CoxswainError "interrupted". */
  readonly signal?: AbortSignal | undefined;
  /** Is called with what a person should know, before the weights are written. Default: nothing is shown. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Is called with what is being done: "writing model.safetensors". Default: nothing is shown. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** A model that was merged. */
export interface MergeResult extends MergeReport {
  /** The base model, as it was given or as the adapter names it. */
  readonly model: string;
  /** How the base model was quantised when the adapter was trained; null: not at all. */
  readonly quantization: Quantization | null;
}

export type { MergeReport, MergeType, Quantization, RoundingCost };

const optionKinds: OptionKinds<MergeOptions> = {
  adapter: "text",
  output: "text",
  model: "text",
  dtype: ["auto", "float32", "float16", "bfloat16"],
  signal: "an AbortSignal",
  onNote: "a function",
  onProgress: "a function",
};

/**
 * Writes a Hugging Face model folder with an adapter merged into the weights. It is written aside and renamed: there is
 * either the whole folder or none.
 *
 * @param options what is merged, and where to
 * @throws CoxswainError "usage" for wrong options or an output that is not empty, "model" where adapter and model do not
 *   fit, "storage", "interrupted"
 */
export function merge(options: MergeOptions): Promise<MergeResult> {
  return rejectingWell(async () => {
    checkOptions("merge()", options, optionKinds, ["adapter", "output"]);
    return mergeFolders(options);
  });
}

async function mergeFolders(options: MergeOptions): Promise<MergeResult> {
  const { model, adapter: adapterFolder, output, dtype = "auto", signal, onNote } = options;
  const show = (text: string): void => {
    throwIfAborted("the merge", signal);
    options.onProgress?.(text);
  };
  const [{ mergeAdapter, openModelFolder, otherBaseNote, readAdapter, resolveBase }, data] = await Promise.all([
    import("../model/index.js"),
    import("../data/index.js"),
  ]);
  throwIfAborted("the merge", signal);
  const adapter = await readAdapter(adapterFolder);
  const base = model ?? adapter.baseModel;
  if (base === undefined) {
    throw new CoxswainError("usage", `${adapterFolder} does not name its base model`, {
      hint: "Name the base model: --model FOLDER, or a hub id.",
    });
  }
  const folder = await resolveBase(base, { adapter: model === undefined ? adapterFolder : null, onProgress: show });
  const opened = await openModelFolder(folder);
  const otherBase = await otherBaseNote(adapter, opened, base, { onHash: () => show("hashing the model") });
  const companions = await data.inferenceFiles({ folder, adapter: adapterFolder, chatTemplate: null });
  const texts = companions.has("tokenizer.json")
    ? await data.adapterTextNotes(await data.openTokenizerIfAny(folder, { adapter: adapterFolder }), null)
    : [];
  for (const note of [...(otherBase === null ? [] : [otherBase]), ...(await notesOn(opened)), ...texts]) onNote?.(note);
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

/** Of families that can be computed: merging needs to know no family. */
async function notesOn(folder: ModelFolder): Promise<readonly string[]> {
  const { familyNames, weightNotes } = await import("../compute/index.js");
  return familyNames.some((family) => family === folder.config["model_type"]) ? weightNotes(folder) : [];
}
