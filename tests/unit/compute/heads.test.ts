/** Which matrix is the output head: losses of transformers 5, made by tests/peers/make-heads.py. */
import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { weightNotes } from "../../../src/compute/index.js";
import { collate } from "../../../src/data/row.js";
import { CoxswainError } from "../../../src/errors.js";
import { mergeAdapter, openModelFolder, readAdapter } from "../../../src/model/index.js";
import type { LoraSettings, ModelFolder } from "../../../src/model/index.js";
import { withModel, type ModelSettings } from "../../support/compute/engine.js";
import { openGolden, type Golden, type GoldenCase } from "../../support/compute/golden.js";
import { headVariant, type Head } from "../../support/compute/head-variant.js";

const golden = join(import.meta.dirname, "../../golden");
const expected = JSON.parse(readFileSync(join(golden, "model/heads.json"), "utf8")) as {
  readonly rows: number;
  readonly loss: Readonly<Record<GoldenCase, Readonly<Record<string, number | null>>>>;
};
const cases = Object.keys(expected.loss) as GoldenCase[];

const folder = mkdtempSync(join(tmpdir(), "coxswain-heads-"));
afterAll(() => rm(folder, { recursive: true }));
let made = 0;
const variant = (model: ModelFolder, tied: boolean | undefined, head: Head): Promise<ModelFolder> =>
  headVariant(model, join(folder, String(made++)), { tied, head });

const batchOf = ({ rows }: Golden) => collate(rows.slice(0, expected.rows));

async function lossOf(
  model: ModelFolder,
  golden: Golden,
  settings: ModelSettings = {},
  lora: LoraSettings | null = null,
): Promise<number> {
  return withModel(
    model,
    lora,
    async (trainable) => {
      if (lora !== null) await trainable.setParameters(await golden.startingAdapter(trainable.layout));
      const { lossSum, tokens } = await trainable.loss(batchOf(golden));
      return lossSum / tokens;
    },
    settings,
  );
}

describe.each(cases)("%s: a run uses the head that transformers loads", (name) => {
  const flags = [true, false, undefined] as const;
  const heads = ["none", "equal", "other", "alone"] as const;
  const table = flags.flatMap((tied) => heads.map((head) => ({ tied, head })));

  it.each(table)("tie_word_embeddings $tied, head: $head", async ({ tied, head }) => {
    const opened = await openGolden(name);
    const model = await variant(opened.model, tied, head);
    const loss = expected.loss[name][`tied ${tied ?? "absent"}, head ${head}`];
    if (loss === null) {
      const error: unknown = await lossOf(model, opened).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CoxswainError);
      expect((error as CoxswainError).message).toMatch(/(lm_head|embed_tokens|wte)\.weight .* is missing/);
      return;
    }
    expect((await lossOf(model, opened)) / loss!).toBeCloseTo(1, 5);
  });

  it("the file's own head: engines, training and the merged model agree, with a note", async () => {
    const opened = await openGolden(name);
    const model = await variant(opened.model, true, "other");
    expect(weightNotes(model)).toEqual([expect.stringMatching(/tie_word_embeddings true.*lm_head\.weight differs/)]);
    const { adapted, "tied true, head other": plain } = expected.loss[name];
    expect((await lossOf(model, opened, { engine: "tfjs" })) / plain!).toBeCloseTo(1, 5);
    expect((await lossOf(model, opened, {}, opened.lora)) / adapted!).toBeCloseTo(1, 5);
    const adapter = await readAdapter(join(golden, name, "adapter_init"));
    const output = join(folder, `merged-${name}`);
    await mergeAdapter({ model, adapter, output, dtype: "float32" });
    expect((await lossOf(await openModelFolder(output), opened)) / adapted!).toBeCloseTo(1, 5);
  });
});

it("an nf4 run uses the file's own head too, not a cached one of the embedding", async () => {
  const opened = await openGolden("llama");
  const tied = await lossOf(await variant(opened.model, true, "none"), opened, { quantization: "nf4" });
  const own = await lossOf(await variant(opened.model, true, "other"), opened, { quantization: "nf4" });
  const untied = await lossOf(await variant(opened.model, false, "other"), opened, { quantization: "nf4" });
  expect(own).toBe(untied);
  expect(own).not.toBe(tied);
});

it("answers are generated with the file's own head", async () => {
  const opened = await openGolden("llama");
  const logits = async (tied: boolean, head: Head): Promise<Float32Array> =>
    withModel(await variant(opened.model, tied, head), null, async (trainable) => {
      const decoder = await trainable.decoder(1);
      const answer = await decoder.feed(Int32Array.of(1, 2, 3), Uint8Array.of(1, 1, 1), 3);
      await decoder.close();
      return answer;
    });
  const embedding = await logits(true, "none");
  // The head's rows are the embedding's in the opposite order, and so are the logits.
  expect((await logits(true, "other")).toReversed()).toEqual(embedding);
});

describe("unused parts of the files are reported", () => {
  it("nothing if the files match config.json", async () => {
    for (const name of cases) expect(weightNotes((await openGolden(name)).model), name).toEqual([]);
  });

  it("not a head equal to the embedding, nor buffers of old files", async () => {
    const { model } = await openGolden("qwen2");
    const tensors = new Map((await variant(model, true, "equal")).tensors);
    const norm = tensors.get("model.norm.weight")!;
    tensors.set("model.layers.0.self_attn.rotary_emb.inv_freq", norm);
    expect(weightNotes({ ...model, tensors })).toEqual([]);
  });

  it("biases, layers and heads that config.json does not call for, by name", async () => {
    const { model } = await openGolden("llama");
    const norm = model.tensors.get("model.norm.weight")!;
    const tensors = new Map(model.tensors).set("model.layers.0.self_attn.q_proj.bias", norm).set("score.weight", norm);
    const [note, ...more] = weightNotes({ ...model, tensors });
    expect(more).toEqual([]);
    expect(note).toContain("2 tensors of the files are not used");
    expect(note).toContain("model.layers.0.self_attn.q_proj.bias, score.weight");
    const [fewer] = weightNotes({ ...model, config: { ...model.config, num_hidden_layers: 2 } });
    expect(fewer).toContain("9 tensors of the files are not used");
    expect(fewer).toContain("model.layers.2.");
    expect(fewer).toContain("and 5 more");
  });

  it("weights that are stored in more bits than config.json specifies", async () => {
    const { model } = await openGolden("llama");
    const [note] = weightNotes({ ...model, config: { ...model.config, torch_dtype: "bfloat16" } });
    expect(note).toMatch(/dtype bfloat16, but some weights are stored in another type: .*\(F32\)/);
  });
});
