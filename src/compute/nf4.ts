/**
 * Determines which of a model's weights are quantised, as transformers does with bitsandbytes, and where an engine
 * reads them.
 */
import { CoxswainError } from "../errors.js";
import { nf4Model, type ModelFolder, type Nf4Weight } from "../model/index.js";
import type { EngineOptions } from "./engine.js";
import { describeFolder, projections, weightShapes, type DecoderSpec } from "./families/index.js";

export interface WeightSource {
  /** The folder with the tensors that are not quantised. */
  readonly folder: ModelFolder;
  /** The quantised ones, by the name of the weight. */
  readonly nf4: ReadonlyMap<string, Nf4Weight>;
}

export interface WeightSourceOptions extends Pick<EngineOptions, "quantization"> {
  /** Coxswain's cache. Default: `defaultCacheFolder()`. */
  readonly cacheDir?: string | undefined;
  /** As of `Nf4Options`. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Creates the quantised form of a model if the cache has none, so that workers that start together on this machine do
 * not each create it.
 * @throws CoxswainError "model" as `weightSource` does
 */
export async function quantizeOnce(folder: ModelFolder, options: WeightSourceOptions): Promise<void> {
  const { model, spec } = describeFolder(folder);
  await weightSource(model, spec, options);
}

/**
 * The model itself; with quantization its NF4 form, which is created if it is not in the cache: the matrices of all
 * linear layers except the head in NF4, everything else (embedding, head, norms, biases) unchanged.
 * @throws CoxswainError "model" for a family whose weights are stored [in, out]: transformers transposes them first
 */
export async function weightSource(
  model: ModelFolder,
  spec: DecoderSpec,
  { quantization, cacheDir, onProgress }: WeightSourceOptions,
): Promise<WeightSource> {
  if (quantization === null) return { folder: model, nf4: new Map() };
  if (projections(spec).some(({ inputsFirst }) => inputsFirst)) {
    throw new CoxswainError("model", `${model.path}: quantization nf4 is not supported for ${spec.family}`, {
      hint: "Its weights are stored [in, out], but NF4 blocks are defined for [out, in]. Omit quantization.",
    });
  }
  const quantized = projections(spec).map(({ path }) => `${path}.weight`);
  const kept = new Set(weightShapes(spec).keys());
  for (const name of quantized) kept.delete(name);
  const { folder, weights } = await nf4Model(
    model,
    { quantized, kept: [...kept] },
    { ...(cacheDir === undefined ? {} : { cacheDir }), ...(onProgress === undefined ? {} : { onProgress }) },
  );
  return { folder, nf4: weights };
}
