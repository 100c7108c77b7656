/** `describeData()`: what a run's data holds, without training, like `coxswain data`. */
import type { DataSelection, DataSummary, SkippedExamples } from "../data/index.js";
import { abortableProgress, rejectingWell, throwIfAborted } from "./errors.js";
import { loadRun } from "./load-run.js";
import type { RunOverrides, RunSource } from "./load-run.js";

export interface DescribeDataOptions {
  readonly overrides?: RunOverrides | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with notes for the user, each once. */
  readonly onNote?: ((text: string) => void) | undefined;
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** The training data, or the evaluation data. */
export interface DescribedSide extends DataSummary {
  readonly rows: number;
  /** The share of the rows' tokens that examples fill; null: rows are not packed. */
  readonly rowFill: number | null;
  /** Undefined: none was skipped. */
  readonly skippedExamples: SkippedExamples | undefined;
}

export interface DescribedData {
  /** As in the run file. */
  readonly model: string;
  readonly maxLength: number;
  readonly training: DescribedSide;
  /** null: the run has no evaluation data. */
  readonly evaluation: DescribedSide | null;
}

/** @throws CoxswainError "config" for an invalid run, "data", "model", "interrupted" */
export function describeData(run: RunSource, options: DescribeDataOptions = {}): Promise<DescribedData> {
  return rejectingWell(() => describe(run, options));
}

async function describe(run: RunSource, options: DescribeDataOptions): Promise<DescribedData> {
  const what = "reading the data";
  const show = abortableProgress(what, options);
  const { config } = await loadRun(run, options.overrides);
  const data = await import("../data/index.js");
  const { resolveModel } = await import("../model/index.js");
  const { rarely } = await import("../progress.js");
  const folder = await resolveModel(config.model, { onProgress: show });
  show(what);
  const tokenizer = await data.openTokenizerIfAny(folder, { adapter: config.lora.init_adapter });
  const told = new Set<string>();
  // Both sides of a split read the same files.
  const note = (text: string): void => {
    if (!told.has(text)) options.onNote?.(text);
    told.add(text);
  };
  (await data.adapterTextNotes(tokenizer, config.data.chat_template)).forEach(note);
  const datasets = new data.DatasetVersions({ signal: options.signal, onProgress: show, onNote: note });
  const reading = rarely({ tell: show });
  const { max_length: maxLength, packing } = config.data;
  const describeSide = async (
    source: DataSelection,
    observer: InstanceType<typeof data.DataSummariser>,
  ): Promise<DescribedSide> => {
    const { statistics, rowCount } = await data.buildTokenStore({
      source,
      data: config.data,
      tokenizer,
      datasets,
      observer,
      onWarning: note,
      onProgress: (done) => {
        throwIfAborted(what, options.signal);
        reading({ what, done, unit: "examples" });
      },
    });
    const rowFill = packing ? statistics.tokens / (rowCount * maxLength) : null;
    return { ...observer.finish(), rows: rowCount, rowFill, skippedExamples: statistics.skipped };
  };
  const { training, evaluation } = data.dataOf(config);
  const trained = new data.DataSummariser(training, maxLength);
  return {
    model: config.model,
    maxLength,
    training: await describeSide(training, trained),
    evaluation:
      evaluation === null
        ? null
        : await describeSide(evaluation, new data.DataSummariser(evaluation, maxLength, trained.contents)),
  };
}
