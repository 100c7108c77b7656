/** `preview()`: how a run's examples are tokenised and what of them is learnt, as `coxswain preview`. */
import type { DataStatistics, DropReason, PreviewPiece, PreviewRow } from "../data/index.js";
import { CoxswainError } from "../errors.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { rejectingWell, throwIfAborted } from "./errors.js";
import { loadRun } from "./load-run.js";
import type { RunOverrides, RunSource } from "./load-run.js";

/** What {@link preview} takes besides the run. */
export interface PreviewOptions {
  /** Keys in place of the run's own. Default: none. */
  readonly overrides?: RunOverrides | undefined;
  /** `data.train` or `data.eval`. Default: "train". */
  readonly split?: "train" | "eval" | undefined;
  /** Ends it: rejects with a CoxswainError "interrupted". */
  readonly signal?: AbortSignal | undefined;
  /** Is called with what a person should know, once the data are read. Default: nothing is shown. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Is called with what is being done: "reading the data". Default: nothing is shown. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** A data set as a run would train on it, in memory. There is nothing to close. */
export interface Preview {
  /** Of the whole data set. */
  readonly statistics: DataStatistics;
  /** Rows of the data set, in file order. */
  readonly rowCount: number;
  /**
   * A row as text, in pieces that are learnt or only read.
   * @param index 0 … rowCount - 1; a RangeError beyond
   */
  row(index: number): Promise<PreviewRow>;
  /**
   * A row as token ids, [tokens] each; labels are not shifted, and -100 where a token is not supervised.
   * @param index 0 … rowCount - 1; a RangeError beyond
   */
  tokens(index: number): { readonly inputIds: Int32Array; readonly labels: Int32Array };
}

export type { DataStatistics, DropReason, PreviewPiece, PreviewRow };

const optionKinds: OptionKinds<PreviewOptions> = {
  overrides: "an object",
  split: ["train", "eval"],
  signal: "an AbortSignal",
  onNote: "a function",
  onProgress: "a function",
};

/**
 * Tokenises a run's data as training would, and trains nothing.
 *
 * @param run the path of a run file, or an object with its keys
 * @param options which data, and who is told of it
 * @throws CoxswainError "config" for a wrong run, "data", "model", "usage" for wrong options, "interrupted"
 */
export function preview(run: RunSource, options: PreviewOptions = {}): Promise<Preview> {
  return rejectingWell(async () => {
    checkOptions("preview()", options, optionKinds);
    return tokenise(run, options);
  });
}

async function tokenise(run: RunSource, options: PreviewOptions): Promise<Preview> {
  const { signal, split = "train", onNote } = options;
  const show = (text: string): void => {
    throwIfAborted("the preview", signal);
    options.onProgress?.(text);
  };
  throwIfAborted("the preview", signal);
  const { config, name } = await loadRun(run, options.overrides);
  const source = config.data[split];
  if (source === null) {
    throw new CoxswainError("config", `${name} has no data.eval to preview`, {
      hint: "Set data.eval, or leave --split out to preview data.train.",
    });
  }
  const [{ adapterTextNotes, buildTokenStore, openTokenizerIfAny, previewRow }, { resolveModel }] = await Promise.all([
    import("../data/index.js"),
    import("../model/index.js"),
  ]);
  const folder = await resolveModel(config.model, { onProgress: show });
  show("reading the data");
  const tokenizer = await openTokenizerIfAny(folder, { adapter: config.lora.init_adapter });
  const notes = [...(await adapterTextNotes(tokenizer, config.data.chat_template))];
  const store = await buildTokenStore({
    source,
    data: config.data,
    tokenizer,
    onWarning: (text) => notes.push(text),
    onProgress: () => throwIfAborted("the preview", signal),
  });
  for (const note of notes) onNote?.(note);
  return {
    statistics: store.statistics,
    rowCount: store.rowCount,
    row: (index) => previewRow(store.row(index), index, tokenizer),
    tokens: (index) => {
      const { inputIds, labels } = store.row(index);
      return { inputIds, labels };
    },
  };
}
