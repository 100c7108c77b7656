/**
 * Plans the short computations from which a run's needs are predicted. Pure.
 *
 * A training step's peak memory grows in proportion to the layers and to the rows, and its time to the multiplications:
 * so few rows are computed, with the whole model or, where that would take too long, with two shortened ones, and the
 * rest follows (`predict.ts`).
 */
import type { ModelFacts } from "../compute/index.js";

export interface ProbePlan {
  /** Numbers of layers: the model's own, or two smaller ones. */
  readonly layers: readonly number[];
  /** Numbers of rows, ascending, two or more. */
  readonly rows: readonly number[];
  /** About how long it takes, s, where the machine is as fast as is presumed. */
  readonly seconds: number;
}

/** What of a model decides. */
export type ModelSize = Pick<ModelFacts, "layers" | "period" | "layerParameters" | "headParameters">;

/** Multiplications and additions of a forward and a backward pass (with frozen weights) per weight and token. */
const operationsEach = 4;

/** Assumed speed before anything is measured, operations per second and thread. */
const presumedRate = 4e10;

/** Time limit for the computations, s. */
const patience = 60;

/** With fewer layers, what is allocated once is most of the memory, and hides what a layer takes. */
const fewestLayers = 8;

/** The work of a step, in operations: of so many layers, and of the head. */
export const operationsOf = (
  { layers, layerParameters, headParameters }: ModelSize,
  used: number,
  tokens: number,
): number => operationsEach * tokens * ((layerParameters * used) / layers + headParameters);

/** @param length tokens per row, computed by `threads` */
export function planProbes(model: ModelSize, length: number, threads: number): ProbePlan {
  const { layers, period } = model;
  const plan = (depths: readonly number[], rows: readonly number[]): ProbePlan => {
    const tokens = length * rows.reduce((sum, count) => sum + count);
    const operations = depths.reduce((sum, used) => sum + operationsOf(model, used, tokens), 0);
    return { layers: depths, rows, seconds: operations / (presumedRate * threads) };
  };
  // A multiple of the period: as many layers of each kind as in the whole, in proportion.
  const short = period * Math.ceil(fewestLayers / period);
  const depths = 3 * short >= layers ? [layers] : [short, 2 * short];
  const choices = [plan([layers], [1, 2, 4]), plan(depths, [1, 2, 4]), plan(depths, [1, 2])];
  return choices.find(({ seconds }) => seconds <= patience) ?? plan(depths, [1, 2]);
}
