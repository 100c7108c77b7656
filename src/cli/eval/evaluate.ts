/** The work of `coxswain eval`: settle what is measured, measure it, print it. */
import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { loadRun, runSchema, type RunConfig } from "../../config/index.js";
import { buildTokenStore, type DataFormat } from "../../data/index.js";
import { CoxswainError } from "../../errors.js";
import {
  evaluateLoss,
  exactMatch,
  openModel,
  readQuestions,
  type ExactMatch,
  type OpenedModel,
} from "../../generation/index.js";
import { thisProcess, type AskHost } from "../generate/host.js";
import { evaluationJson, evaluationText } from "./report.js";
import type { Evaluation } from "./report.js";
import { quietProgress, warn, type QuietProgress } from "../terminal/quiet-progress.js";
import type { ModelFlags } from "../options/model.js";

export interface EvalFlags extends ModelFlags {
  readonly set: readonly string[];
  readonly model?: string;
  readonly data?: readonly string[];
  readonly format?: "auto" | DataFormat;
  readonly maxLength?: number;
  readonly exactMatch?: true;
  readonly limit?: number;
  readonly maxNewTokens?: number;
  readonly batchSize?: number;
  readonly show?: number;
}

/** What is measured, settled from run file and options. */
interface Subject {
  /** The run file's settings or, without one, its defaults. */
  readonly config: RunConfig;
  /** null: the one that the adapter names. */
  readonly model: string | null;
  readonly source: string | readonly string[];
}

/** Tokens that an answer may have beyond the longest expected one: the same text may be other tokens. */
const answerMargin = 16;

/** @param file the run file, where there is one */
export async function evaluate(file: string | undefined, flags: EvalFlags, host: AskHost = thisProcess): Promise<void> {
  const subject = file === undefined ? withoutRun(flags) : await ofRun(file, flags);
  const progress = quietProgress();
  try {
    const evaluation = await measure(subject, flags, progress, host);
    progress.close();
    const shown = flags.show ?? 0;
    host.stdout.write(
      flags.json === true
        ? `${JSON.stringify(evaluationJson(evaluation, shown))}\n`
        : evaluationText(evaluation, shown, host.stdout),
    );
  } finally {
    progress.close();
  }
}

/** Options over the run file. */
async function ofRun(file: string, flags: EvalFlags): Promise<Subject> {
  const { config } = await loadRun(file, flags.set);
  const source = flags.data ?? config.data.eval;
  if (source === null) {
    throw new CoxswainError("config", `${file} has no data.eval to measure on`, {
      hint: "Name files with --data, or set data.eval.",
    });
  }
  if (flags.adapter === undefined) await mentionAdapter(join(config.output_dir, "adapter"));
  return { config: withFlags(config, flags), model: flags.model ?? config.model, source };
}

/** The defaults of a run file, so that they are written in one place; they need some model's name. */
function withoutRun(flags: EvalFlags): Subject {
  const { data } = flags;
  const model = flags.model ?? null;
  const unknown = model === null && flags.adapter === undefined;
  if (unknown || data === undefined) {
    const needed = unknown ? "--model or --adapter" : "--data";
    throw new CoxswainError("usage", `without a run file, ${needed} is needed`, {
      hint: "coxswain eval run.yaml, or coxswain eval --model FOLDER --data eval.jsonl",
    });
  }
  if (flags.set.length > 0) {
    throw new CoxswainError("usage", "--set changes a run file's settings, but none was given");
  }
  const config = runSchema.parse({ model: ".", output_dir: ".", data: { train: [...data] } });
  return { config: withFlags(config, flags), model, source: data };
}

function withFlags(config: RunConfig, flags: EvalFlags): RunConfig {
  const { format = config.data.format, maxLength = config.data.max_length } = flags;
  const { chatTemplate = config.data.chat_template } = flags;
  const { engine = config.compute.engine, device = config.compute.device } = flags;
  // Packing would measure the same; a row an example keeps --limit simple.
  const data = { ...config.data, format, max_length: maxLength, chat_template: chatTemplate, packing: false };
  return { ...config, data, compute: { ...config.compute, engine, device } };
}

/** An adapter that is there and not used would surprise whoever just trained it. */
async function mentionAdapter(adapter: string): Promise<void> {
  const there = await stat(join(adapter, "adapter_config.json")).catch(() => undefined);
  if (there === undefined) return;
  const path = relative(process.cwd(), adapter);
  warn(`measuring the base model; for the run's adapter add --adapter ${path}`);
}

async function measure(
  { config, model, source }: Subject,
  flags: EvalFlags,
  progress: QuietProgress,
  { openEngine }: AskHost,
): Promise<Evaluation> {
  progress.show("loading the model");
  const opened = await openModel({
    model,
    adapter: flags.adapter ?? null,
    chatTemplate: config.data.chat_template,
    compute: config.compute,
    quantization: flags.quantization ?? config.quantization ?? "auto",
    threads: flags.threads,
    ...(openEngine === undefined ? {} : { openEngine }),
    onProgress: (text) => progress.show(text),
  });
  try {
    for (const warning of opened.warnings) warn(warning);
    progress.show("reading the data");
    const store = await buildTokenStore({
      source,
      data: config.data,
      tokenizer: opened.tokenizer,
      onWarning: warn,
      onProgress: (done) => progress.doing({ what: "reading the data", done, unit: "examples" }),
    });
    const start = performance.now();
    const loss = await evaluateLoss(opened.trainable, store, {
      ...(flags.batchSize === undefined ? {} : { batchSize: flags.batchSize }),
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
      onProgress: (done, rows) => progress.show(`loss: ${done} of ${rows} examples`),
    });
    const ask = flags.exactMatch === true || flags.show !== undefined;
    const answered = ask ? await answer({ config, model, source }, opened, flags, progress) : null;
    const seconds = (performance.now() - start) / 1000;
    const adapter = flags.adapter ?? null;
    const { name, device, quantization } = opened;
    return { ...loss, model: name, adapter, device, quantization, exactMatch: answered, seconds };
  } finally {
    await opened.close();
  }
}

async function answer(
  { config, source }: Subject,
  { trainable, tokenizer, templates, stopIds, contextLength }: OpenedModel,
  flags: EvalFlags,
  progress: QuietProgress,
): Promise<ExactMatch> {
  const { format } = config.data;
  const { limit, batchSize } = flags;
  const questions = await readQuestions({
    source,
    format,
    tokenizer,
    templates,
    ...(limit === undefined ? {} : { limit }),
  });
  const longest = questions.reduce((most, question) => Math.max(most, question.answer.length), 0);
  const result = await exactMatch(trainable, tokenizer, questions, {
    maxNewTokens: flags.maxNewTokens ?? longest + answerMargin,
    stopIds,
    contextLength,
    ...(batchSize === undefined ? {} : { batchSize }),
    onFinished: (finished) => progress.show(`answers: ${finished} of ${questions.length}`),
  });
  const tooLong = result.answers.filter(({ finish }) => finish === "too_long");
  const [first] = tooLong;
  if (first !== undefined) {
    warn(
      `${tooLong.length} of ${questions.length} prompts (first: ${first.where}) fill the model's ` +
        `${contextLength} positions; they count as not matched.`,
    );
  }
  return result;
}
