/** `generate()`: generates an answer, with or without an adapter, like `coxswain generate`. */
import { detach, RecentItems } from "../async/index.js";
import type { ChatMessage } from "../data/index.js";
import { CoxswainError } from "../errors.js";
import type { FinishReason, Generation, OpenedModel } from "../generation/index.js";
import { namedCallbacks } from "./callbacks.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { abortableProgress, rejectingWell, throwIfAborted } from "./errors.js";
import { defaultConfig, modelOptionKinds, openAskedModel } from "./model-options.js";
import type { ModelOptions, OpenEngine } from "./model-options.js";
import { contradiction, conversationOf, promptTokens } from "./prompt.js";
import type { PromptRequest } from "./prompt.js";

/** How {@link generate} samples tokens. */
export interface DrawingOptions {
  /** Maximum tokens of the answer. Default: 256. */
  readonly maxNewTokens?: number | undefined;
  /** 0 always takes the likeliest token; 1 samples from the model's distribution. Default: 0. */
  readonly temperature?: number | undefined;
  /** Sample from the likeliest tokens that together have this probability, above 0 and at most 1. Default: 1. */
  readonly topP?: number | undefined;
  /** Sample from this many of the likeliest tokens; 0: from all. Default: 0. */
  readonly topK?: number | undefined;
  /** Seed for sampling: the same seed gives the same answer. Default: 0. */
  readonly seed?: number | undefined;
}

/** Options of {@link generate}. It requires at least one of `model` and `adapter`, and one of `prompt` and `messages`. */
export interface GenerateOptions extends ModelOptions, DrawingOptions {
  /** The user's message; if the model has no chat template, the text to continue. */
  readonly prompt?: string | undefined;
  /** A conversation whose last message is not the assistant's. */
  readonly messages?: readonly ChatMessage[] | undefined;
  /** JSON schemas of the tools that the assistant may call; with `messages`. Default: none. */
  readonly tools?: readonly unknown[] | undefined;
  /** A system message before the prompt or the messages. Default: none. */
  readonly system?: string | undefined;
  /** Continue the text of the prompt, without the chat template. Default: false. */
  readonly raw?: boolean | undefined;
}

/** A complete answer. */
export interface GenerateResult {
  /** The whole answer, without special tokens. */
  readonly text: string;
  /** "stop": the model ended it; "length": `maxNewTokens`; "context": the model has no more positions. */
  readonly finishReason: FinishReason;
  /** Number of tokens of the prompt, including those of the chat template. */
  readonly promptTokens: number;
  /** The token ids of the answer, without the stop token. */
  readonly tokens: readonly number[];
  /** Duration of the generation, without loading the model. */
  readonly seconds: number;
  /** Positions of the model for prompt and answer together; Infinity if its configuration has no limit. */
  readonly contextLength: number;
}

/**
 * An answer that is being generated: iterating over it yields pieces of the text as they are generated. Generation does
 * not wait for the reader, and leaving the loop does not end it: use the signal. If the generation fails, the iteration
 * ends without an error; `result` rejects with the reason.
 */
export interface GeneratedAnswer extends AsyncIterable<string> {
  /**
   * Settles when the model is closed. Rejects with a CoxswainError: "usage", "model", "data", "interrupted". Ignoring a
   * rejection does not end the process.
   */
  readonly result: Promise<GenerateResult>;
}

const drawingKinds: OptionKinds<DrawingOptions> = {
  maxNewTokens: "a whole number above 0",
  temperature: "a number",
  topP: "a number",
  topK: "a whole number",
  seed: "a whole number",
};

const optionKinds: OptionKinds<GenerateOptions> = {
  ...modelOptionKinds,
  ...drawingKinds,
  prompt: "text",
  messages: "a list",
  tools: "a list",
  system: "text",
  raw: "true or false",
};

/**
 * Generates an answer. Loading and generation begin immediately.
 *
 * ```ts
 * const answer = generate({ adapter: "out/adapter", prompt: "turn on the light" });
 * for await (const text of answer) process.stdout.write(text);
 * const { finishReason } = await answer.result;
 * ```
 *
 * @param options the model, the prompt, and how to sample tokens
 */
export function generate(options: GenerateOptions): GeneratedAnswer {
  return generateWith(options, () => requestOf(options), undefined);
}

/** The same, with a custom prompt and engine. */
export function generateWith(
  options: GenerateOptions,
  request: () => Promise<PromptRequest>,
  openEngine: OpenEngine | undefined,
): GeneratedAnswer {
  // Unbounded: `maxNewTokens` limits the number of pieces, and none may be dropped.
  const pieces = new RecentItems<string>(Number.POSITIVE_INFINITY);
  const result = rejectingWell(async () => {
    checkOptions("generate()", options, optionKinds);
    throwIfAborted("the generation", options.signal);
    checkModel(options);
    await checkDrawing(options);
    return answer(namedCallbacks(options), await request(), openEngine, pieces);
  }).finally(() => pieces.end());
  detach(result, () => undefined);
  return { result, [Symbol.asyncIterator]: () => pieces[Symbol.asyncIterator]() };
}

function checkModel({ model, adapter }: GenerateOptions): void {
  if (model !== undefined || adapter !== undefined) return;
  throw new CoxswainError("usage", "generate(): neither `model` nor `adapter` is given", {
    hint: "Name a model folder or hub id, or an adapter, which names its base model.",
  });
}

/** @throws CoxswainError "usage" for settings out of range */
export async function checkDrawing({ temperature = 0, topP = 1, topK = 0 }: DrawingOptions): Promise<void> {
  const { checkSampling } = await import("../generation/index.js");
  checkSampling({ temperature, topP, topK });
}

async function requestOf({ prompt, messages, tools, system, raw }: GenerateOptions): Promise<PromptRequest> {
  if (messages !== undefined) {
    const other = prompt !== undefined ? "prompt" : raw === true ? "raw" : undefined;
    if (other !== undefined) throw contradiction("messages", other);
    const value = tools === undefined ? messages : { messages, tools };
    const conversation = await conversationOf(value, system, { where: "messages", system: "system" });
    return { kind: "conversation", conversation, where: "messages" };
  }
  if (tools !== undefined) throw new CoxswainError("usage", "generate(): `tools` are given without `messages`");
  if (raw === true && system !== undefined) throw contradiction("raw", "system");
  if (prompt === undefined || prompt === "")
    throw new CoxswainError("usage", "generate(): neither `prompt` nor `messages` is given, or the prompt is empty");
  return { kind: "prompt", text: prompt, system: system ?? null, raw: raw === true };
}

async function answer(
  options: GenerateOptions,
  request: PromptRequest,
  openEngine: OpenEngine | undefined,
  pieces: RecentItems<string>,
): Promise<GenerateResult> {
  const onProgress = abortableProgress("the generation", options);
  onProgress("loading the model");
  const opened = await openAskedModel({ ...options, onProgress }, await defaultConfig(), openEngine);
  try {
    for (const note of notesOn(opened)) options.onNote?.(note);
    const prompt = await promptTokens(request, opened);
    return await streamAnswer(opened, prompt, options, (text) => {
      throwIfAborted("the generation", options.signal);
      // A token may be only a part of a character.
      if (text !== "") pieces.push(text);
    });
  } finally {
    await opened.close();
  }
}

/**
 * Generates one answer of an opened model.
 * @param onText called for each token, with the text that is certain now ("" for a part of a character); if it throws,
 *   the generation ends
 */
export async function streamAnswer(
  opened: OpenedModel,
  prompt: Int32Array,
  options: DrawingOptions,
  onText: (text: string) => void,
): Promise<GenerateResult> {
  const { TextStream } = await import("../generation/index.js");
  const start = performance.now();
  const stream = new TextStream(opened.tokenizer);
  const { tokens, finish } = await generateOne(opened, prompt, options, async (token) => {
    onText(await stream.push(token));
  });
  onText(await stream.finish());
  const seconds = (performance.now() - start) / 1000;
  const text = await opened.tokenizer.decode(tokens, { skipSpecialTokens: true });
  const { contextLength } = opened;
  const facts = { promptTokens: prompt.length, tokens: Array.from(tokens), seconds, contextLength };
  return { text, finishReason: finish, ...facts };
}

export const notesOn = ({ engine, device, quantization, warnings }: OpenedModel): readonly string[] => [
  ...(engine === "onnx" ? [] : [`on ${device}`]),
  ...(quantization === null ? [] : [`quantization: ${quantization}`]),
  ...warnings,
];

async function generateOne(
  { trainable, stopIds, contextLength }: OpenedModel,
  prompt: Int32Array,
  { temperature = 0, topP = 1, topK = 0, seed = 0, maxNewTokens = 256 }: DrawingOptions,
  onToken: (token: number) => Promise<void>,
): Promise<Generation> {
  const { generate: generateAll } = await import("../generation/index.js");
  const [generation] = await generateAll(trainable, [prompt], {
    maxNewTokens,
    stopIds,
    contextLength,
    sampling: { temperature, topP, topK },
    seed,
    onToken: (_, token) => onToken(token),
  });
  if (generation === undefined) throw new CoxswainError("bug", "one prompt was given, but no answer was returned");
  return generation;
}
