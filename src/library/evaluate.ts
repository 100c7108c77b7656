/** `evaluate()`: measures loss, perplexity and exact match on a data set, like `coxswain eval`. */
import { dataFormats } from "../config/choices.js";
import type { RunConfig } from "../config/index.js";
import type { DataFormat, DataInput } from "../data/index.js";
import { CoxswainError } from "../errors.js";
import type { Answer, EvaluatedLoss, ExactMatch, OpenedModel, QuestionOptions } from "../generation/index.js";
import { namedCallbacks } from "./callbacks.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { abortableProgress, rejectingWell, throwIfAborted } from "./errors.js";
import { loadRun } from "./load-run.js";
import type { RunOverrides, RunSource } from "./load-run.js";
import { defaultConfig, modelOptionKinds, openAskedModel } from "./model-options.js";
import type { ModelOptions, OpenEngine } from "./model-options.js";

/** Options of {@link evaluate}. It requires a `run`, or `data` and at least one of `model` and `adapter`. */
export interface EvaluateOptions extends ModelOptions {
  /** A run with model, data and template; the options below override it. Default: none. */
  readonly run?: RunSource | undefined;
  /** Keys that override those of the run. Default: none. */
  readonly overrides?: RunOverrides | undefined;
  /**
   * Data to measure on: files or folders, relative to the working directory. Default: the run's `data.eval`,
   * also a part held out of `data.train`.
   */
  readonly data?: string | readonly string[] | undefined;
  /** Format of the data. Default: the run's, else "auto". */
  readonly format?: "auto" | DataFormat | undefined;
  /** Maximum tokens per example; longer ones are truncated. Default: the run's, else 1024. */
  readonly maxLength?: number | undefined;
  /** Also generate answers, and count those that match the expected ones character by character. Default: false. */
  readonly exactMatch?: boolean | undefined;
  /** Use only this many examples, from the first. Default: all. */
  readonly limit?: number | undefined;
  /** Maximum tokens per answer. Default: those of the longest expected answer, plus 16. */
  readonly maxNewTokens?: number | undefined;
  /** Examples per batch. Default: 8 for the loss, 50 for answers. */
  readonly batchSize?: number | undefined;
}

/** The result of {@link evaluate}. */
export interface Evaluation extends EvaluatedLoss {
  /** The base model, as given or as named by the adapter. */
  readonly model: string;
  /** The adapter's folder; null: the base model was measured. */
  readonly adapter: string | null;
  /** The device, and why it was chosen: "cpu (no CUDA device)". */
  readonly device: string;
  /** Quantization of the base model, and why; null: none. */
  readonly quantization: string | null;
  /** null: not requested. */
  readonly exactMatch: ExactMatch | null;
  /** Duration of the measurement, without loading the model. */
  readonly seconds: number;
}

export type { Answer, EvaluatedLoss, ExactMatch };

const optionKinds: OptionKinds<EvaluateOptions> = {
  ...modelOptionKinds,
  run: "a run",
  overrides: "an object",
  data: "text or a list of texts",
  format: ["auto", ...dataFormats],
  maxLength: "a whole number above 0",
  exactMatch: "true or false",
  limit: "a whole number above 0",
  maxNewTokens: "a whole number above 0",
  batchSize: "a whole number above 0",
};

/**
 * Measures a model, with or without an adapter: the loss over the supervised tokens of a data set, its perplexity and, on
 * request, how many answers match exactly.
 *
 * @param options what to measure, and how
 * @throws CoxswainError "usage" for invalid options, "config" for an invalid run, "data", "model", "interrupted"
 */
export function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  return evaluateWith(options, undefined);
}

/** The same, with a custom engine. */
export function evaluateWith(options: EvaluateOptions, openEngine: OpenEngine | undefined): Promise<Evaluation> {
  return rejectingWell(async () => {
    checkOptions("evaluate()", options, optionKinds);
    throwIfAborted("the evaluation", options.signal);
    return measure(await subjectOf(options), namedCallbacks(options), openEngine);
  });
}

/** What to measure, from the run and the options. */
interface Subject {
  /** The settings of the run, else the defaults. */
  readonly config: RunConfig;
  /** Undefined: the one that the adapter names. */
  readonly model: string | undefined;
  readonly source: DataInput;
}

async function subjectOf(options: EvaluateOptions): Promise<Subject> {
  const { run, data, model, adapter } = options;
  if (run === undefined && options.overrides !== undefined)
    throw new CoxswainError("usage", "evaluate(): `overrides` are given without `run`");
  if (run !== undefined) {
    const { config, name } = await loadRun(run, options.overrides);
    const { dataOf } = await import("../data/index.js");
    const source = data ?? dataOf(config).evaluation;
    if (source === null) {
      throw new CoxswainError("config", `${name} has no data.eval to measure on`, {
        hint: "Name files with `data` (--data), or set data.eval.",
      });
    }
    return { config: withOptions(config, options), model: model ?? config.model, source };
  }
  const isUnknown = model === undefined && adapter === undefined;
  if (isUnknown || data === undefined) {
    const needed = isUnknown ? "`model` or `adapter`" : "`data`";
    throw new CoxswainError("usage", `evaluate(): without \`run\`, ${needed} is needed`);
  }
  return { config: withOptions(await defaultConfig(data), options), model, source: data };
}

function withOptions(config: RunConfig, { format, maxLength }: EvaluateOptions): RunConfig {
  const { data } = config;
  // Packing would give the same result; one row per example keeps `limit` simple.
  const changed = { format: format ?? data.format, max_length: maxLength ?? data.max_length, packing: false };
  return { ...config, data: { ...data, ...changed } };
}

async function measure(
  { config, model, source }: Subject,
  options: EvaluateOptions,
  openEngine: OpenEngine | undefined,
): Promise<Evaluation> {
  const [{ buildTokenStore, DatasetVersions }, { evaluateLoss }] = await Promise.all([
    import("../data/index.js"),
    import("../generation/index.js"),
  ]);
  const { signal, adapter = null, batchSize, limit } = options;
  const show = abortableProgress("the evaluation", options);
  show("loading the model");
  const opened = await openAskedModel({ ...options, model, onProgress: show }, config, openEngine);
  try {
    for (const warning of opened.warnings) options.onNote?.(warning);
    show("reading the data");
    const { rarely } = await import("../progress.js");
    const reading = rarely({ tell: show });
    const data = {
      ...config.data,
      chat_template: options.chatTemplate ?? config.data.chat_template,
      chat_template_kwargs: opened.templateKwargs as RunConfig["data"]["chat_template_kwargs"],
    };
    // Read for the loss, and again for the answers.
    const datasets = new DatasetVersions({ signal, onProgress: show, onNote: options.onNote });
    const store = await buildTokenStore({
      source,
      datasets,
      data,
      tokenizer: opened.tokenizer,
      onWarning: (text) => options.onNote?.(text),
      onProgress: (done) => {
        throwIfAborted("the evaluation", signal);
        reading({ what: "reading the data", done, unit: "examples" });
      },
    });
    const start = performance.now();
    const loss = await evaluateLoss(opened.trainable, store, {
      ...(batchSize === undefined ? {} : { batchSize }),
      ...(limit === undefined ? {} : { limit }),
      onProgress: (done, rows) => show(`loss: ${done} of ${rows} examples`),
    });
    const exactMatch =
      options.exactMatch === true ? await answer({ source, datasets }, config, opened, options, show) : null;
    const seconds = (performance.now() - start) / 1000;
    const { name, device, quantization } = opened;
    return { ...loss, model: name, adapter, device, quantization, exactMatch, seconds };
  } finally {
    await opened.close();
  }
}

async function answer(
  data: Pick<QuestionOptions, "source" | "datasets">,
  config: RunConfig,
  { trainable, tokenizer, templates, stopIds, contextLength }: OpenedModel,
  { limit, batchSize, maxNewTokens, onNote, signal }: EvaluateOptions,
  show: (text: string) => void,
): Promise<ExactMatch> {
  const { answerTokens, exactMatch, readQuestions } = await import("../generation/index.js");
  const questions = await readQuestions({
    ...data,
    format: config.data.format,
    onBadExample: config.data.on_bad_example,
    onNote: (text) => onNote?.(`exact match: ${text}`),
    tokenizer,
    templates,
    ...(limit === undefined ? {} : { limit }),
  });
  const result = await exactMatch(trainable, tokenizer, questions, {
    maxNewTokens: maxNewTokens ?? answerTokens(questions),
    stopIds,
    contextLength,
    ...(batchSize === undefined ? {} : { batchSize }),
    onToken: () => {
      throwIfAborted("the evaluation", signal);
      return Promise.resolve();
    },
    onFinished: (finished) => show(`answers: ${finished} of ${questions.length}`),
  });
  const tooLong = result.answers.filter(({ finish }) => finish === "too_long");
  const [first] = tooLong;
  if (first !== undefined) {
    onNote?.(
      `${tooLong.length} of ${questions.length} prompts (first: ${first.where}) fill the model's ` +
        `${contextLength} positions; they count as not matched.`,
    );
  }
  return result;
}
