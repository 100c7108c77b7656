/** The bundled model, really asked: the references are transformers' and PEFT's greedy answers. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { exactMatch } from "../../../src/generation/exact-match.js";
import { generate } from "../../../src/generation/generate.js";
import { openModel, type OpenedModel } from "../../../src/generation/open-model.js";
import { readQuestions } from "../../../src/generation/questions.js";
import { engineInThisThread, evalFile, inRepository, tinyModel } from "./support.js";

interface GreedyCase {
  readonly prompt: number[];
  /** With the stop token, where there is one. */
  readonly generated: number[];
  readonly text: string;
}

const golden = JSON.parse(readFileSync(inRepository("tests/golden/generation/greedy.json"), "utf8")) as {
  readonly max_new_tokens: number;
  readonly base: GreedyCase[];
  readonly adapter: GreedyCase[];
};

const opened = new Map<string | null, Promise<OpenedModel>>();
afterAll(async () => {
  for (const model of opened.values()) await (await model).close();
});

function open(adapter: string | null): Promise<OpenedModel> {
  const compute = { engine: "onnx", device: "cpu", dtype: "float32" } as const;
  const common = {
    model: tinyModel,
    chatTemplate: null,
    compute,
    quantization: "auto",
    threads: 2,
    openEngine: engineInThisThread,
  } as const;
  const model = opened.get(adapter) ?? openModel({ ...common, adapter });
  opened.set(adapter, model);
  return model;
}

async function greedyAnswers(model: OpenedModel, cases: readonly GreedyCase[], batchSize: number): Promise<number[][]> {
  const prompts = cases.map(({ prompt }) => Int32Array.from(prompt));
  const { stopIds, contextLength } = model;
  const options = { maxNewTokens: golden.max_new_tokens, stopIds, contextLength, batchSize };
  const answers = await generate(model.trainable, prompts, options);
  return answers.map(({ tokens, stopId }) => [...tokens, ...(stopId === null ? [] : [stopId])]);
}

const expected = (cases: readonly GreedyCase[]): number[][] => cases.map(({ generated }) => generated);

describe("greedy answers of the bundled model", () => {
  it("equal transformers', one by one and as a padded batch", async () => {
    const model = await open(null);
    expect(await greedyAnswers(model, golden.base, 1)).toEqual(expected(golden.base));
    expect(await greedyAnswers(model, golden.base, 4)).toEqual(expected(golden.base));
  });

  it("equal PEFT's with an adapter, and differ from the base model's", async () => {
    const model = await open(inRepository("tests/golden/chat/expected_adapter"));
    expect(await greedyAnswers(model, golden.adapter, 4)).toEqual(expected(golden.adapter));
    expect(expected(golden.adapter)).not.toEqual(expected(golden.base));
  });

  it("are compared as text with the expected answers", async () => {
    const { trainable, tokenizer, templates, stopIds } = await open(null);
    const questions = await readQuestions({ source: evalFile, format: "auto", tokenizer, templates, limit: 1 });
    const { answers, matched } = await exactMatch(trainable, tokenizer, questions, { maxNewTokens: 60, stopIds });
    expect(answers).toMatchObject([
      {
        question: "dance music in the garage",
        expected: '{"tool":"play_music","genre":"dance","room":"garage"}',
        answer: golden.base[0]!.text,
        finish: "stop",
      },
    ]);
    expect(matched).toBe(0);
  });

  it("sampled answers don't depend on the batch either", async () => {
    const { trainable, stopIds } = await open(null);
    const prompts = golden.base.map(({ prompt }) => Int32Array.from(prompt));
    const sampling = { temperature: 0.8, topP: 0.9, topK: 50 };
    const options = { maxNewTokens: 12, stopIds, sampling, seed: 7 };
    const together = await generate(trainable, prompts, options);
    const alone = await generate(trainable, prompts, { ...options, batchSize: 1 });
    expect(together).toEqual(alone);
    const otherSeed = await generate(trainable, prompts, { ...options, seed: 8 });
    expect(otherSeed).not.toEqual(together);
  });
});
