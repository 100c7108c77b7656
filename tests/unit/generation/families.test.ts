/** Greedy answers of the golden cases of families without a bundled model, by transformers and PEFT in float64. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { positionLimit } from "../../../src/compute/index.js";
import { generate } from "../../../src/generation/generate.js";
import { flattenAdapter, readAdapter } from "../../../src/model/index.js";
import { engineNames } from "../../support/compute/devices.js";
import { withModel } from "../../support/compute/engine.js";
import { openGolden, type GoldenCase } from "../../support/compute/golden.js";
import { inRepository } from "./support.js";

interface Answer {
  readonly prompt: number[];
  readonly generated: number[];
}
const golden = inRepository("tests/golden");
const cases = JSON.parse(readFileSync(join(golden, "generation/families.json"), "utf8")) as Record<string, Answer[]>;

describe.each(engineNames)("%s", (engine) => {
  it.each(Object.entries(cases))("%s: generates transformers' tokens with the adapter", async (name, answers) => {
    const { model, lora } = await openGolden(name as GoldenCase);
    const adapter = await readAdapter(join(golden, name, "expected_adapter"));
    await withModel(
      model,
      lora,
      async (trainable) => {
        await trainable.setParameters(flattenAdapter(adapter, trainable.layout));
        const prompts = answers.map(({ prompt }) => Int32Array.from(prompt));
        for (const batchSize of [1, 3]) {
          const made = await generate(trainable, prompts, { maxNewTokens: 24, stopIds: [], batchSize });
          expect(made.map(({ tokens }) => [...tokens])).toEqual(answers.map(({ generated }) => generated));
        }
      },
      { engine },
    );
  });

  it("gpt2: generation stops exactly at the last position", async () => {
    const { model } = await openGolden("gpt2-packed");
    const limit = positionLimit(model)!.positions;
    expect(limit).toBe(64);
    await withModel(
      model,
      null,
      async (trainable) => {
        const prompts = [Int32Array.from({ length: 60 }, (_, i) => i), Int32Array.of(5, 6)];
        const options = { maxNewTokens: 8, stopIds: [] };
        const [long, short] = await generate(trainable, prompts, { ...options, contextLength: limit });
        expect([long!.tokens.length, short!.tokens.length]).toEqual([4, 8]);
        await expect(generate(trainable, prompts, options)).rejects.toThrow(
          /65 tokens, but the model takes 64 .*n_pos/,
        );
      },
      { engine },
    );
  });
});
