/**
 * Token-by-token generation over several sequences at once with a key/value cache. Knows only token ids, not text,
 * templates or engines. A sequence's tokens depend on its prompt, the settings and its index, never on its batch.
 */
import type { Decoder, Trainable } from "../compute/index.js";
import { CoxswainError } from "../errors.js";
import { planBatches } from "./batches.js";
import { checkSampling, greedy, type SamplingOptions } from "./sampler.js";
import { Sequence, type Generation } from "./sequence.js";

/** What generation needs of an opened model. */
export type GenerationModel = Pick<Trainable, "decoder">;

export interface GenerateOptions {
  /** Maximum number of tokens per sequence, without its stop token. */
  readonly maxNewTokens: number;
  /** A sequence ends when one of these is drawn. */
  readonly stopIds: Iterable<number>;
  /** Context length of the model: prompt and new tokens together. Default: unlimited. */
  readonly contextLength?: number;
  /** Default: always the most likely token. */
  readonly sampling?: SamplingOptions;
  /** Seed of the random draws; each sequence has its own stream. Default 0. */
  readonly seed?: number;
  /** Maximum number of sequences computed together. Default 50. */
  readonly batchSize?: number;
  /** Called with each new token (except stop tokens) before the next is computed. */
  readonly onToken?: (sequence: number, token: number) => Promise<void>;
  /** Called with the number of finished sequences whenever some have ended. */
  readonly onFinished?: (finished: number) => void;
}

/**
 * Rows times final length of a batch: bounds the key/value cache, in f32 0.4 GB for SmolLM2-135M and 1 GB for a 7B
 * model with grouped heads, and twice that while a step is computed.
 */
const maxCacheTokens = 8192;
/** Rows times places of one feed: bounds the activations while prompts are read. */
const maxFeedTokens = 2048;

/**
 * Generates after each prompt.
 * @param prompts token ids, at least one each
 * @returns in the prompts' order
 * @throws CoxswainError "usage" for an empty prompt, one that fills the model's context, or sampling settings out of
 *   range; "model" for logits that are not numbers
 */
export async function generate(
  model: GenerationModel,
  prompts: readonly Int32Array[],
  options: GenerateOptions,
): Promise<Generation[]> {
  checkOptions(options);
  prompts.forEach((prompt, index) => checkPrompt(prompt, index, options));
  const { batchSize = 50, maxNewTokens } = options;
  const lengths = prompts.map((prompt) => prompt.length);
  const sequences = prompts.map((prompt, number) => new Sequence(number, prompt, options));
  let finished = 0;
  const onEnd = (count: number): void => options.onFinished?.((finished += count));
  for (const numbers of planBatches(lengths, { batchSize, maxNewTokens, maxCacheTokens })) {
    const rows = numbers.flatMap((number) => sequences[number] ?? []);
    await generateBatch(model, rows, options, onEnd);
  }
  return sequences.map((sequence) => sequence.result());
}

async function generateBatch(
  model: GenerationModel,
  rows: readonly Sequence[],
  options: GenerateOptions,
  onEnd: (count: number) => void,
): Promise<void> {
  const stopIds = new Set(options.stopIds);
  const decoder = await model.decoder(rows.length);
  try {
    let logits = await feedPrompts(decoder, rows);
    for (;;) {
      await drawAll(rows, logits, stopIds, options, onEnd);
      if (rows.every((row) => row.finished)) return;
      // A row that has ended is padding: it is neither attended to nor advanced.
      const inputIds = Int32Array.from(rows, (row) => (row.finished ? 0 : row.last));
      const valid = Uint8Array.from(rows, (row) => (row.finished ? 0 : 1));
      logits = await decoder.feed(inputIds, valid, 1);
    }
  } finally {
    await decoder.close();
  }
}

async function drawAll(
  rows: readonly Sequence[],
  logits: Float32Array,
  stopIds: ReadonlySet<number>,
  { sampling = greedy, onToken }: GenerateOptions,
  onEnd: (count: number) => void,
): Promise<void> {
  const vocabulary = logits.length / rows.length;
  const before = countFinished(rows);
  for (const [index, row] of rows.entries()) {
    if (row.finished) continue;
    const token = row.draw(logits.subarray(index * vocabulary, (index + 1) * vocabulary), sampling, stopIds);
    if (token !== null) await onToken?.(row.number, token);
  }
  const ended = countFinished(rows) - before;
  if (ended > 0) onEnd(ended);
}

const countFinished = (rows: readonly Sequence[]): number => rows.filter((row) => row.finished).length;

/**
 * Feeds the prompts, padded on the left so that all end at the last place, in pieces.
 * @returns logits after each prompt, [rows, vocabulary]
 */
async function feedPrompts(decoder: Decoder, rows: readonly Sequence[]): Promise<Float32Array> {
  const longest = rows.reduce((most, { prompt }) => Math.max(most, prompt.length), 0);
  const piece = Math.max(1, Math.floor(maxFeedTokens / rows.length));
  let logits: Float32Array = new Float32Array();
  for (let start = 0; start < longest; start += piece) {
    const length = Math.min(piece, longest - start);
    const inputIds = new Int32Array(rows.length * length);
    const valid = new Uint8Array(rows.length * length);
    rows.forEach(({ prompt }, row) => {
      const padding = longest - prompt.length;
      for (let place = Math.max(0, padding - start); place < length; place++) {
        inputIds[row * length + place] = prompt[start + place - padding] ?? 0;
        valid[row * length + place] = 1;
      }
    });
    logits = await decoder.feed(inputIds, valid, length);
  }
  return logits;
}

function checkOptions({ maxNewTokens, batchSize = 1, sampling = greedy }: GenerateOptions): void {
  checkSampling(sampling);
  for (const [name, value] of [
    ["max-new-tokens", maxNewTokens],
    ["batch-size", batchSize],
  ] as const) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new CoxswainError("usage", `${name} is ${value}; it must be a positive whole number`);
  }
}

function checkPrompt(prompt: Int32Array, index: number, { contextLength = Infinity }: GenerateOptions): void {
  if (prompt.length === 0) {
    throw new CoxswainError("usage", `prompt ${index + 1} is empty: there is no token to continue from`, {
      hint: "Give a non-empty prompt.",
    });
  }
  if (prompt.length < contextLength) return;
  throw new CoxswainError(
    "usage",
    `prompt ${index + 1} has ${prompt.length} tokens, but the model has ${contextLength} positions ` +
      "for prompt and answer together",
    { hint: "Shorten the prompt, or use a model with a longer context." },
  );
}
