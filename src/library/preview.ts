/** `preview()`: shows how examples are tokenised and which tokens are trained on, like `coxswain preview`. */
import type { DataStatistics, PreviewRow } from "../data/index.js";
import { CoxswainError } from "../errors.js";
import { namedCallbacks } from "./callbacks.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { abortableProgress, rejectingWell, throwIfAborted } from "./errors.js";
import { loadRun } from "./load-run.js";
import type { RunOverrides, RunSource } from "./load-run.js";

/** Options of {@link preview}. */
export interface PreviewOptions {
  /** Keys that override those of the run. Default: none. */
  readonly overrides?: RunOverrides | undefined;
  /** `data.train` or `data.eval`. Default: "train". */
  readonly split?: "train" | "eval" | undefined;
  /** Aborts the preview: rejects with a CoxswainError "interrupted". */
  readonly signal?: AbortSignal | undefined;
  /** Called with notes for the user, once the data has been read. Default: none. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Called with the current activity: "reading the data". Default: none. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** A data set as a run would train on it, in memory. It need not be closed. */
export interface Preview {
  /** Statistics of the whole data set. */
  readonly statistics: DataStatistics;
  /** Number of rows. */
  readonly rowCount: number;
  /**
   * A row as text, in pieces that are either trained on or context.
   * @param index 0 … rowCount - 1 in file order; otherwise a RangeError is thrown
   */
  row(index: number): Promise<PreviewRow>;
  /**
   * A row as token ids, [tokens] each; labels are not shifted, and are -100 where a token is not supervised.
   * @param index 0 … rowCount - 1 in file order; otherwise a RangeError is thrown
   */
  tokens(index: number): { readonly inputIds: Int32Array; readonly labels: Int32Array };
}

export type {
  DataStatistics,
  DropReason,
  PreviewPiece,
  PreviewRow,
  SkippedExample,
  SkippedExamples,
  SourceStatistics,
  SplitConversations,
} from "../data/index.js";

const optionKinds: OptionKinds<PreviewOptions> = {
  overrides: "an object",
  split: ["train", "eval"],
  signal: "an AbortSignal",
  onNote: "a function",
  onProgress: "a function",
};

/**
 * Tokenises a run's data as training would, without training.
 *
 * @param run the path of a run file, or an object with its keys
 * @param options which data, and how to report notes and progress
 * @throws CoxswainError "config" for an invalid run, "data", "model", "usage" for invalid options, "interrupted"
 */
export function preview(run: RunSource, options: PreviewOptions = {}): Promise<Preview> {
  return rejectingWell(async () => {
    checkOptions("preview()", options, optionKinds);
    return tokenise(run, namedCallbacks(options));
  });
}

async function tokenise(run: RunSource, options: PreviewOptions): Promise<Preview> {
  const { signal, split = "train", onNote } = options;
  const show = abortableProgress("the preview", options);
  throwIfAborted("the preview", signal);
  const { config, name } = await loadRun(run, options.overrides);
  const { adapterTextNotes, buildTokenStore, dataOf, DatasetVersions, openTokenizerIfAny, previewRow } =
    await import("../data/index.js");
  const { training, evaluation } = dataOf(config);
  const source = split === "train" ? training : evaluation;
  if (source === null) {
    throw new CoxswainError("config", `${name} has no data.eval to preview`, {
      hint: "Set data.eval, or omit `split` (--split) to preview data.train.",
    });
  }
  const { resolveModel } = await import("../model/index.js");
  const folder = await resolveModel(config.model, { onProgress: show });
  show("reading the data");
  const tokenizer = await openTokenizerIfAny(folder, { adapter: config.lora.init_adapter });
  const notes = [...(await adapterTextNotes(tokenizer, config.data.chat_template))];
  const store = await buildTokenStore({
    source,
    data: config.data,
    tokenizer,
    onWarning: (text) => notes.push(text),
    datasets: new DatasetVersions({ signal, onProgress: show, onNote: (text) => notes.push(text) }),
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
