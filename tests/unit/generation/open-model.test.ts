import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openModel, type OpenModelOptions } from "../../../src/generation/open-model.js";
import { engineInThisThread, inRepository, temporaryFolder, tinyModel } from "./support.js";

const options: OpenModelOptions = {
  model: tinyModel,
  adapter: null,
  chatTemplate: null,
  compute: { engine: "auto", device: "cpu", dtype: "auto" },
  quantization: "auto",
  threads: 1,
  openEngine: engineInThisThread,
};

const llama = inRepository("tests/golden/llama/model");
const llamaAdapter = inRepository("tests/golden/llama/expected_adapter");

describe("a model for generation", () => {
  it("has stop tokens and a context length", async () => {
    const opened = await openModel(options);
    expect([...opened.stopIds]).toEqual([2]);
    expect(opened.contextLength).toBe(1024);
    expect(opened.templates).not.toBeNull();
    expect(opened.trainable.layout.size).toBe(0);
    await opened.close();
  });

  it("reads the adapter's settings from adapter_config.json", async () => {
    const opened = await openModel({ ...options, model: llama, adapter: llamaAdapter });
    const { r, lora_alpha: alpha } = JSON.parse(
      await readFile(join(llamaAdapter, "adapter_config.json"), "utf8"),
    ) as Record<string, number>;
    expect(opened.trainable.layout.r).toBe(r);
    expect(opened.trainable.layout.scale).toBe(alpha! / r!);
    await opened.close();
  });
});

describe("an unusable adapter is reported by name before anything is loaded", () => {
  const failing = (adapter: string, model = tinyModel) => expect(openModel({ ...options, model, adapter })).rejects;

  it("a missing one", async () => {
    await failing("runs/none/adapter").toMatchObject({
      code: "model",
      message: "runs/none/adapter: no such adapter folder",
    });
  });

  it("one of a model with other layers", async () => {
    const folder = await temporaryFolder();
    await cp(llamaAdapter, folder, { recursive: true });
    const weights = join(folder, "adapter_model.safetensors");
    const bytes = await readFile(weights);
    // The names stand in the file's header; a name of the same length keeps its offsets.
    await writeFile(weights, Buffer.from(bytes.toString("latin1").replaceAll("layers.1.", "layers.7."), "latin1"));
    await failing(folder, llama).toThrow(/adapts model\.layers\.7\.\S+, which the model \S+llama\/model does not have/);
  });

  it("one of a model with other sizes", async () => {
    await failing(llamaAdapter).toThrow(
      /the adapter \S+expected_adapter has \S+lora_A\.weight as \[\d+,\d+\], expected/,
    );
  });
});
