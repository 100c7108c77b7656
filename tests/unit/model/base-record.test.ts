import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { baseRecordText, hubIdOf, readAdapterRecord } from "../../../src/model/base-record.js";
import { baseModelRecord, modelManifest, openModelFolder, otherBaseNote } from "../../../src/model/index.js";
import { expectTrouble, floatsFile, temporaryFolder, writeFolder } from "./helpers.js";

const modelFolder = (value: number): string =>
  writeFolder(temporaryFolder(), {
    "config.json": '{"model_type":"llama"}',
    "model.safetensors": floatsFile({ w: { shape: [1], values: [value] } }),
  });

describe("an adapter identifies its base model by content", () => {
  it("a model with the same shapes but other weights is reported, with the original one", async () => {
    const cacheDir = temporaryFolder();
    const [trained, other] = [modelFolder(1), modelFolder(2)];
    const adapter = temporaryFolder();
    const base = baseModelRecord(trained, await modelManifest(trained, { cacheDir }));
    writeFileSync(join(adapter, "coxswain.json"), baseRecordText(base));
    expect(await readAdapterRecord(adapter)).toEqual({ base, templateKwargs: {}, best: null });
    const origin = { path: adapter, baseModel: trained, base };
    const note = async (model: string): Promise<string | null> =>
      otherBaseNote(origin, await openModelFolder(model), model, { cacheDir });
    // A copy somewhere else is the same model.
    expect(await note(modelFolder(1))).toBeNull();
    const text = await note(other);
    expect(text).toContain(`was trained on ${trained} (sha256 `);
    expect(text).toContain(`but the model here is ${other} (sha256 `);
    expect(text).toContain("model.safetensors differs");
    writeFileSync(join(trained, "config.json"), '{"model_type":"llama","rope_theta":1}');
    expect(await note(trained)).toContain("config.json differs");
  });

  it("an adapter of another program has no record", async () => {
    const folder = temporaryFolder();
    expect(await readAdapterRecord(folder)).toBeNull();
    const origin = { path: folder, baseModel: undefined, base: null };
    const model = await openModelFolder(modelFolder(1));
    // Nothing is hashed for it.
    expect(await otherBaseNote(origin, model, "m", { onHash: () => expect.unreachable() })).toBeNull();
  });

  it("and the variables of the chat template that it was trained with, if there are any", async () => {
    const folder = temporaryFolder();
    const base = baseModelRecord("m", await modelManifest(modelFolder(1), { cacheDir: temporaryFolder() }));
    const templateKwargs = { enable_thinking: false, builtin_tools: ["browser"] };
    writeFileSync(join(folder, "coxswain.json"), baseRecordText(base, templateKwargs));
    expect(await readAdapterRecord(folder)).toEqual({ base, templateKwargs, best: null });
    expect(baseRecordText(base, {})).toBe(baseRecordText(base));
    expect(baseRecordText(base)).not.toContain("chat_template_kwargs");
  });

  it.each(["", "{", "[]", '{"version":2,"base_model":{}}', '{"version":1,"base_model":{"id":3}}'])(
    "a damaged record (%j) is reported",
    async (text) => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, "coxswain.json"), text);
      const error = await expectTrouble(readAdapterRecord(folder), "model");
      expect(error.message).toContain(join(folder, "coxswain.json"));
      expect(readFileSync(join(folder, "coxswain.json"), "utf8")).toBe(text);
    },
  );
});

describe("hub ids are distinguished from folders", () => {
  it.each([
    ["HuggingFaceTB/SmolLM2-135M", "HuggingFaceTB/SmolLM2-135M"],
    ["HuggingFaceTB/SmolLM2-135M@main", "HuggingFaceTB/SmolLM2-135M"],
    ["gpt2", "gpt2"],
    ["/home/me/.cache/huggingface/hub/models--Qwen--Qwen3-0.6B/snapshots/0123abcd", "Qwen/Qwen3-0.6B"],
    ["/home/me/.cache/huggingface/hub/models--gpt2/snapshots/0123abcd/", "gpt2"],
    ["/home/me/models/mine", undefined],
    ["./mine", undefined],
    ["../a/b", undefined],
  ])("%s", (model, id) => {
    expect(hubIdOf(model)).toBe(id);
  });
});
