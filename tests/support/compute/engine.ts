/** Models opened in the test's own thread. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, EngineName, EngineOptions, Trainable } from "../../../src/compute/engine.js";
import { onnxEngine, type OnnxEngineSettings } from "../../../src/compute/onnx/engine.js";
import { tfjsEngine, type TfjsEngineSettings } from "../../../src/compute/tfjs/engine.js";
import type { LoraSettings, ModelFolder } from "../../../src/model/index.js";
import { openGolden, type Golden, type GoldenCase } from "./golden.js";

export const options: EngineOptions = {
  device: "cpu",
  dtype: "float32",
  threads: 1,
  gradientCheckpointing: false,
  quantization: null,
};

/** For quantised models: gone when the tests' process is. */
export const cacheDir = mkdtempSync(join(tmpdir(), "coxswain-cache-"));
process.once("exit", () => rmSync(cacheDir, { recursive: true, force: true }));

/** Every engine. */
export const engineNames: readonly EngineName[] = ["onnx", "tfjs"];

export type ModelSettings = Partial<EngineOptions> &
  OnnxEngineSettings &
  TfjsEngineSettings & {
    /** "onnx" by default. */
    readonly engine?: EngineName;
  };

/** The engine by name; tfjs with the backend that every installation has. */
function engineOf({ engine = "onnx", ...settings }: ModelSettings): Engine {
  return engine === "onnx"
    ? onnxEngine({ cacheDir, ...settings })
    : tfjsEngine({ backends: ["wasm"], cacheDir, ...settings });
}

/** Opens a model, hands it to `use`, and disposes of it whatever happens. */
export async function withModel<R>(
  model: ModelFolder,
  lora: LoraSettings | null,
  use: (trainable: Trainable) => Promise<R>,
  settings: ModelSettings = {},
): Promise<R> {
  const trainable = await engineOf(settings).load(model, lora, { ...options, ...settings });
  try {
    return await use(trainable);
  } finally {
    await trainable.dispose();
  }
}

/** As `withModel`, with a golden case's model and starting adapter. */
export async function withGolden<R>(
  name: GoldenCase,
  use: (trainable: Trainable, golden: Golden) => Promise<R>,
  settings: ModelSettings & { readonly dropout?: number } = {},
): Promise<R> {
  const golden = await openGolden(name);
  const lora = { ...golden.lora, dropout: settings.dropout ?? 0 };
  return withModel(
    golden.model,
    lora,
    async (trainable) => {
      await trainable.setParameters(await golden.startingAdapter(trainable.layout));
      return use(trainable, golden);
    },
    { quantization: golden.quantization, ...settings },
  );
}
