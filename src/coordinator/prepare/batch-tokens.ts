/** How many tokens the batches of a run have, and how much of them is padding. Pure. */
import { paddedLength, type StepPlan, type TokenStore } from "../../data/index.js";
import { stepNumber } from "../../ids.js";

export interface BatchTokens {
  /** Tokens of all steps, without padding. */
  readonly tokens: number;
  /** The share of padding in what is computed, 0 to 1: of the first epoch, or of a shorter run. */
  readonly paddingShare: number;
}

export function batchTokens(
  plan: StepPlan,
  { rowLength, statistics }: Pick<TokenStore, "rowLength" | "statistics">,
  microBatchSize: number,
): BatchTokens {
  const { stepsPerEpoch, totalSteps } = plan;
  const rowsOf = (step: number): readonly number[] => plan.rowsOf(stepNumber(step)).rows;
  const sumOf = (rows: readonly number[]): number => rows.reduce((sum, row) => sum + rowLength(row), 0);
  let [used, computed] = [0, 0];
  for (let step = 1; step <= Math.min(stepsPerEpoch, totalSteps); step++) {
    const rows = rowsOf(step);
    used += sumOf(rows);
    for (let from = 0; from < rows.length; from += microBatchSize) {
      const shard = rows.slice(from, from + microBatchSize);
      computed += shard.length * paddedLength(Math.max(...shard.map(rowLength)));
    }
  }
  // Every whole epoch has every row.
  const wholeEpochs = Math.floor(totalSteps / stepsPerEpoch);
  let tokens = wholeEpochs * statistics.tokens;
  for (let step = wholeEpochs * stepsPerEpoch + 1; step <= totalSteps; step++) tokens += sumOf(rowsOf(step));
  return { tokens, paddingShare: computed === 0 ? 0 : 1 - used / computed };
}
