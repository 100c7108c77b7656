/** `evaluate()`: loss, perplexity and exact match of a data set, as `coxswain eval`. */
import type { RunConfig } from "../config/index.js";
import type { DataFormat } from "../data/index.js";
import { CoxswainError } from "../errors.js";
import type { Answer, EvaluatedLoss, ExactMatch, OpenedModel } from "../generation/index.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { aborted, rejectingWell, throwIfAborted } from "./errors.js";
import { loadRun } from "./load-run.js";
import type { RunOverrides, RunSource } from "./load-run.js";
import { defaultConfig, modelOptionKinds, openAskedModel } from "./model-options.js";
import type { ModelOptions, OpenEngine } from "./model-options.js";

/** What {@link evaluate} takes. It needs a `run`, or `data` and one of `model` and `adapter`. */
export interface EvaluateOptions extends ModelOptions {
  /** A run that says model, data and template; the options below go over it. Default: none. */
  readonly run?: RunSource | undefined;
  /** Keys in place of the run's own. Default: none. */
  readonly overrides?: RunOverrides | undefined;
  /** What is measured on: files or folders, relative to the working directory. Default: the run's `data.eval`. */
  readonly data?: string | readonly string[] | undefined;
  /** Of the data. Default: as the run says, else "auto". */
  readonly format?: "auto" | DataFormat | undefined;
  /** Tokens per example at most; a longer one is cut. Default: as the run says, else 1024. */
  readonly maxLength?: number | undefined;
  /** Generate the answers as well, and count those that are as expected to the character. Default: false. */
  readonly exactMatch?: boolean | undefined;
  /** Examples at most, from the first. Default: all. */
  readonly limit?: number | undefined;
  /** Tokens per answer at most. Default: those of the longest expected one, and 16. */
  readonly maxNewTokens?: number | undefined;
  /** Examples computed together. Default: 8 for the loss, 50 for answers. */
  readonly batchSize?: number | undefined;
}

/** What was measured. */
export interface Evaluation extends EvaluatedLoss {
  /** The base model: as it was given, or as the adapter calls it. */
  readonly model: string;
  /** The adapter's folder; null: the base model was measured. */
  readonly adapter: string | null;
  /** What computed, and why: "cpu (no CUDA device)". */
  readonly device: string;
  /** Of the base model, and why; null: none, and nothing to say of it. */
  readonly quantization: string | null;
  /** null: not asked for. */
  readonly exactMatch: ExactMatch | null;
  /** Of the measuring, without loading the model. */
  readonly seconds: number;
}

export type { Answer, EvaluatedLoss, ExactMatch };

const optionKinds: OptionKinds<EvaluateOptions> = {
  ...modelOptionKinds,
  run: "a run",
  overrides: "an object",
  data: "text or a list of texts",
  format: ["auto", "messages", "prompt_completion", "text", "tokens", "alpaca", "sharegpt"],
  maxLength: "a whole number above 0",
  exactMatch: "true or false",
  limit: "a whole number above 0",
  maxNewTokens: "a whole number above 0",
  batchSize: "a whole number above 0",
};

/** Tokens that an answer may have beyond the longest expected one: the same text may be other tokens. */
const answerMargin = 16;

/**
 * Measures a model, with an adapter or without: the loss over the supervised tokens of a data set, its perplexity and, on
 * request, how many answers are exactly as expected.
 *
 * @param options what is measured, and how
 * @throws CoxswainError "usage" for wrong options, "config" for a wrong run, "data", "model", "interrupted"
 */
export function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  return evaluateWith(options, undefined);
}

/** The same, on an engine of the caller's. */
export function evaluateWith(options: EvaluateOptions, openEngine: OpenEngine | undefined): Promise<Evaluation> {
  return rejectingWell(async () => {
    checkOptions("evaluate()", options, optionKinds);
    throwIfAborted("the evaluation", options.signal);
    return measure(await subjectOf(options), options, openEngine);
  });
}

/** What is measured, settled from run and options. */
interface Subject {
  /** The run's settings or, without one, its defaults. */
  readonly config: RunConfig;
  /** Undefined: the one that the adapter names. */
  readonly model: string | undefined;
  readonly source: string | readonly string[];
}

async function subjectOf(options: EvaluateOptions): Promise<Subject> {
  const { run, data, model, adapter } = options;
  if (run !== undefined) {
    const { config, name } = await loadRun(run, options.overrides);
    const source = data ?? config.data.eval;
    if (source === null) {
      throw new CoxswainError("config", `${name} has no data.eval to measure on`, {
        hint: "Name files with --data, or set data.eval.",
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
  // Packing would measure the same; a row per example keeps `limit` simple.
  const changed = { format: format ?? data.format, max_length: maxLength ?? data.max_length, packing: false };
  return { ...config, data: { ...data, ...changed } };
}

async function measure(
  { config, model, source }: Subject,
  options: EvaluateOptions,
  openEngine: OpenEngine | undefined,
): Promise<Evaluation> {
  const [{ buildTokenStore }, { evaluateLoss }] = await Promise.all([
    import("../data/index.js"),
    import("../generation/index.js"),
  ]);
  const { signal, adapter = null, batchSize, limit } = options;
  const show = progressOf(options);
  show("loading the model");
  const opened = await openAskedModel({ ...options, model, onProgress: show }, config, openEngine);
  try {
    for (const warning of opened.warnings) options.onNote?.(warning);
    show("reading the data");
    const { rarely } = await import("../progress.js");
    const reading = rarely({ tell: show });
    const data = { ...config.data, chat_template: options.chatTemplate ?? config.data.chat_template };
    const store = await buildTokenStore({
      source,
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
    const exactMatch = options.exactMatch === true ? await answer(source, config, opened, options, show) : null;
    const seconds = (performance.now() - start) / 1000;
    const { name, device, quantization } = opened;
    return { ...loss, model: name, adapter, device, quantization, exactMatch, seconds };
  } finally {
    await opened.close();
  }
}

/** Shows what is done; where the caller has aborted, that ends it. */
function progressOf({ signal, onProgress }: EvaluateOptions): (text: string) => void {
  return (text) => {
    if (signal?.aborted === true) throw aborted("the evaluation", signal);
    onProgress?.(text);
  };
}

async function answer(
  source: string | readonly string[],
  config: RunConfig,
  { trainable, tokenizer, templates, stopIds, contextLength }: OpenedModel,
  { limit, batchSize, maxNewTokens, onNote, signal }: EvaluateOptions,
  show: (text: string) => void,
): Promise<ExactMatch> {
  const { exactMatch, readQuestions } = await import("../generation/index.js");
  const questions = await readQuestions({
    source,
    format: config.data.format,
    tokenizer,
    templates,
    ...(limit === undefined ? {} : { limit }),
  });
  const longest = questions.reduce((most, question) => Math.max(most, question.answer.length), 0);
  const result = await exactMatch(trainable, tokenizer, questions, {
    maxNewTokens: maxNewTokens ?? longest + answerMargin,
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
