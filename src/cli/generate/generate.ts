/** The work of `coxswain generate`: reads the prompt and prints the answer as it is generated. */
import { CoxswainError } from "../../errors.js";
import { generateWith } from "../../library/index.js";
import type { GeneratedAnswer, GenerateResult } from "../../library/index.js";
import { templateKwargs } from "../options/template-kwargs.js";
import { quietProgress, warn } from "../terminal/quiet-progress.js";
import type { GenerateFlags } from "./flags.js";
import { thisProcess, type AskHost } from "./host.js";
import { readRequest } from "./prompt.js";

export async function generateAndPrint(flags: GenerateFlags, host: AskHost = thisProcess): Promise<void> {
  if (flags.model === undefined && flags.adapter === undefined) {
    throw new CoxswainError("usage", "neither --model nor --adapter is given", {
      hint: "Name a model folder or hub id with --model, or an adapter, which names its base model, with --adapter.",
    });
  }
  const progress = quietProgress();
  try {
    const { model, adapter, chatTemplate, engine, device, quantization, threads } = flags;
    const { maxNewTokens, temperature, topP, topK, seed } = flags;
    const drawing = { maxNewTokens, temperature, topP, topK, seed };
    const chatTemplateKwargs = templateKwargs(flags.chatTemplateKwargs);
    const computing = { chatTemplate, chatTemplateKwargs, engine, device, quantization, threads };
    const answer = generateWith(
      { model, adapter, ...computing, ...drawing, onNote: warn, onProgress: (text) => progress.show(text) },
      () => readRequest(flags, () => host.stdin),
      host.openEngine,
    );
    const begin = (): void => progress.close();
    if (flags.json === true) await printJson(answer, host, begin);
    else await printText(answer, flags, host, begin);
  } finally {
    progress.close();
  }
}

/** Prints the answer piece by piece, and a line break at the end. */
async function printText(
  answer: GeneratedAnswer,
  flags: GenerateFlags,
  { stdout }: AskHost,
  begin: () => void,
): Promise<void> {
  for await (const text of answer) {
    begin();
    stdout.write(text);
  }
  const result = await answer.result;
  begin();
  stdout.write("\n");
  const note = cutNote(result, flags);
  if (note !== undefined) warn(note);
}

async function printJson(answer: GeneratedAnswer, { stdout }: AskHost, begin: () => void): Promise<void> {
  const { text, finishReason, promptTokens, tokens, seconds } = await answer.result;
  begin();
  const result = {
    text,
    finish_reason: finishReason,
    prompt_tokens: promptTokens,
    completion_tokens: tokens.length,
    tokens,
    seconds,
  };
  stdout.write(`${JSON.stringify(result)}\n`);
}

function cutNote({ finishReason, contextLength }: GenerateResult, { maxNewTokens }: GenerateFlags): string | undefined {
  switch (finishReason) {
    case "stop":
      return undefined;
    case "length":
      return `cut off after ${maxNewTokens} tokens (--max-new-tokens)`;
    case "context":
      return `cut off: the model has ${contextLength} positions for prompt and answer together`;
  }
}
