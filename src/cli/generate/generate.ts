/** The work of `coxswain generate`: read the prompt, render it, print the answer as it comes. */
import { runSchema } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import {
  checkSampling,
  generate,
  openModel,
  TextStream,
  type Generation,
  type OpenedModel,
} from "../../generation/index.js";
import { thisProcess, type AskHost } from "./host.js";
import { promptTokens, readRequest } from "./prompt.js";
import type { GenerateFlags } from "./flags.js";
import { quietProgress, warn } from "../terminal/quiet-progress.js";

export async function generateAndPrint(flags: GenerateFlags, host: AskHost = thisProcess): Promise<void> {
  if (flags.model === undefined && flags.adapter === undefined) {
    throw new CoxswainError("usage", "neither --model nor --adapter is given", {
      hint: "Name a model folder or hub id with --model, or an adapter, which names its base model, with --adapter.",
    });
  }
  const { temperature, topP, topK } = flags;
  checkSampling({ temperature, topP, topK });
  const request = await readRequest(flags, () => host.stdin);
  const progress = quietProgress();
  try {
    progress.show("loading the model");
    const opened = await openModel({
      model: flags.model ?? null,
      adapter: flags.adapter ?? null,
      chatTemplate: flags.chatTemplate ?? null,
      compute: computeOf(flags),
      quantization: flags.quantization ?? "auto",
      threads: flags.threads,
      ...(host.openEngine === undefined ? {} : { openEngine: host.openEngine }),
      onProgress: (text) => progress.show(text),
    });
    try {
      if (opened.engine !== "onnx") warn(`on ${opened.device}`);
      if (opened.quantization !== null) warn(`quantization: ${opened.quantization}`);
      for (const warning of opened.warnings) warn(warning);
      const prompt = await promptTokens(request, opened);
      progress.close();
      await (flags.json === true ? printJson : printText)(opened, prompt, flags, host);
    } finally {
      await opened.close();
    }
  } finally {
    progress.close();
  }
}

/** As in a run file that says nothing of it, but for what flags say. */
function computeOf({ engine, device }: GenerateFlags) {
  const { compute } = runSchema.parse({ model: ".", output_dir: ".", data: { train: "." } });
  return { ...compute, engine: engine ?? compute.engine, device: device ?? compute.device };
}

/** Token by token, and a line break at the end. */
async function printText(
  opened: OpenedModel,
  prompt: Int32Array,
  flags: GenerateFlags,
  { stdout }: AskHost,
): Promise<void> {
  const stream = new TextStream(opened.tokenizer);
  const { finish } = await generateOne(opened, prompt, flags, async (token) => {
    stdout.write(await stream.push(token));
  });
  stdout.write(`${await stream.finish()}\n`);
  const note = cutNote(finish, flags, opened);
  if (note !== undefined) warn(note);
}

async function printJson(
  opened: OpenedModel,
  prompt: Int32Array,
  flags: GenerateFlags,
  { stdout }: AskHost,
): Promise<void> {
  const start = performance.now();
  const { tokens, finish } = await generateOne(opened, prompt, flags);
  const seconds = (performance.now() - start) / 1000;
  const text = await opened.tokenizer.decode(tokens, { skipSpecialTokens: true });
  const result = {
    text,
    finish_reason: finish,
    prompt_tokens: prompt.length,
    completion_tokens: tokens.length,
    tokens: Array.from(tokens),
    seconds,
  };
  stdout.write(`${JSON.stringify(result)}\n`);
}

async function generateOne(
  { trainable, stopIds, contextLength }: OpenedModel,
  prompt: Int32Array,
  { temperature, topP, topK, seed, maxNewTokens }: GenerateFlags,
  onToken?: (token: number) => Promise<void>,
): Promise<Generation> {
  const [generation] = await generate(trainable, [prompt], {
    maxNewTokens,
    stopIds,
    contextLength,
    sampling: { temperature, topP, topK },
    seed,
    ...(onToken === undefined ? {} : { onToken: (_, token) => onToken(token) }),
  });
  if (generation === undefined) throw new CoxswainError("bug", "one prompt was given, and no answer came back");
  return generation;
}

function cutNote(
  finish: Generation["finish"],
  { maxNewTokens }: GenerateFlags,
  { contextLength }: OpenedModel,
): string | undefined {
  switch (finish) {
    case "stop":
      return undefined;
    case "length":
      return `cut off after ${maxNewTokens} tokens (--max-new-tokens)`;
    case "context":
      return `cut off: the model has ${contextLength} positions for prompt and answer together`;
  }
}
