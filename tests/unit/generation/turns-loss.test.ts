/** Without this, the rows of a conversation have another loss here than with torch, transformers and PEFT. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTokenStore } from "../../../src/data/index.js";
import { evaluateLoss } from "../../../src/generation/loss.js";
import { openModel, type OpenedModel } from "../../../src/generation/open-model.js";
import { engineInThisThread, inRepository, temporaryFolder, tinyModel } from "./support.js";
import { writeFile } from "node:fs/promises";

interface Expected {
  readonly template: string;
  readonly loss: number;
  readonly tokens: number;
}
const folder = inRepository("tests/golden/turns");
const { own } = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as {
  readonly own: Readonly<Record<"appends" | "rewrites", Expected>>;
};

describe("the loss of an adapter on conversations of several turns equals PEFT's", () => {
  let model: OpenedModel;
  let source: string;

  beforeAll(async () => {
    model = await openModel({
      model: tinyModel,
      adapter: inRepository("tests/golden/chat/expected_adapter"),
      chatTemplate: null,
      compute: { engine: "onnx", device: "cpu", dtype: "float32" },
      quantization: "auto",
      threads: 1,
      openEngine: engineInThisThread,
    });
    const conversations = JSON.parse(readFileSync(join(folder, "conversations.json"), "utf8")) as readonly unknown[];
    source = join(await temporaryFolder(), "turns.jsonl");
    await writeFile(source, conversations.map((one) => `${JSON.stringify(one)}\n`).join(""));
  });
  afterAll(() => model.close());

  it.each([
    ["where the template only appends", own.appends],
    ["where it rewrites earlier turns", own.rewrites],
  ])("%s", async (_, expected) => {
    const store = await buildTokenStore({
      source,
      data: {
        format: "auto",
        max_length: 1024,
        packing: false,
        assistant_only_loss: true,
        completion_only_loss: true,
        chat_template: expected.template,
        chat_template_kwargs: {},
        turns: "all",
      },
      tokenizer: model.tokenizer,
    });
    const { loss, tokens } = await evaluateLoss(model.trainable, store);
    expect(tokens).toBe(expected.tokens);
    expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-6);
  });
});
