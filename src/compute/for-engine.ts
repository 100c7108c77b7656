/** What every engine knows of a model before it reads a weight. */
import { loraLayout, type LoraLayout, type LoraSettings, type ModelFolder } from "../model/index.js";
import type { EngineOptions } from "./engine.js";
import { shortened } from "./families/facts.js";
import { describeFolder, projections, resolveTargets, type DecoderSpec } from "./families/index.js";

export interface DescribedModel {
  /** With transformers' names of the tensors. */
  readonly model: ModelFolder;
  readonly whole: DecoderSpec;
  /** The computed part: the whole model, or its first layers. */
  readonly spec: DecoderSpec;
  readonly layout: LoraLayout;
  /** Probability of dropout before A. */
  readonly dropout: number;
}

const emptyLayout: LoraLayout = { r: 1, scale: 1, tensors: [], size: 0 };

/** @throws CoxswainError "model" for unsupported or missing parts: see `describeFolder` and `resolveTargets` */
export function describeForEngine(
  folder: ModelFolder,
  lora: LoraSettings | null,
  { layers }: Pick<EngineOptions, "layers">,
): DescribedModel {
  const { model, spec: whole } = describeFolder(folder);
  const spec = shortened(whole, layers);
  const layout = lora === null ? emptyLayout : loraLayout(lora, resolveTargets(lora, projections(spec)));
  return { model, whole, spec, layout, dropout: lora?.dropout ?? 0 };
}
