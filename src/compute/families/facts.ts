/** The size of a model, and of a part of it, for `coxswain doctor`. */
import type { ModelFolder } from "../../model/index.js";
import { elementCount } from "../../model/index.js";
import { weightShapes } from "./architecture.js";
import { describeModel } from "./index.js";
import { rotariesOf, type DecoderSpec, type FamilyName } from "./spec.js";

export interface ModelFacts {
  readonly family: FamilyName;
  readonly layers: number;
  readonly hiddenSize: number;
  /** The period of the kinds of layers; `layers` if they do not repeat. */
  readonly period: number;
  /** Weights of the whole model, and of its layers. */
  readonly parameters: number;
  readonly layerParameters: number;
  /** Weights of the head, which may be those of the embedding. */
  readonly headParameters: number;
}

/** @throws CoxswainError "model", as `describeModel` */
export function modelFacts(model: ModelFolder): ModelFacts {
  const spec = describeModel(model);
  const parameters = parametersOf(spec);
  return {
    family: spec.family,
    layers: spec.layers.length,
    hiddenSize: spec.hiddenSize,
    period: periodOf(kindsOf(spec)),
    parameters,
    layerParameters: parameters - parametersOf(shortened(spec, 0)),
    headParameters: spec.vocabularySize * spec.hiddenSize,
  };
}

/** The first `layers` layers of a model, with its embedding and head; all by default. */
export const shortened = <Spec extends DecoderSpec>(spec: Spec, layers = spec.layers.length): Spec => ({
  ...spec,
  layers: spec.layers.slice(0, layers),
});

const parametersOf = (spec: DecoderSpec): number =>
  [...weightShapes(spec).values()].reduce((sum, shape) => sum + elementCount(shape), 0);

/** The kind of a layer: its window and its rotation. */
function kindsOf(spec: DecoderSpec): string[] {
  const rotaries = rotariesOf(spec);
  return spec.layers.map((layer) => `${layer.window} ${"rotary" in layer ? rotaries.indexOf(layer.rotary) : ""}`);
}

/** The smallest period of `kinds`; its length if it does not repeat. */
export function periodOf(kinds: readonly string[]): number {
  for (let period = 1; period < kinds.length; period++)
    if (kinds.every((kind, index) => kind === kinds[index % period])) return period;
  return kinds.length;
}
