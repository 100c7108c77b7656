/** Without this, a dry run promises other tokens than the run trains on, or another share of padding. */
import { expect, it } from "vitest";
import { batchTokens } from "../../../../src/coordinator/prepare/batch-tokens.js";
import { collate, stepPlan, type Row } from "../../../../src/data/index.js";
import { stepNumber } from "../../../../src/ids.js";

const lengths = [1, 9, 17, 8, 30, 2, 5, 24, 11, 40, 3];
const row = (length: number): Row => {
  const ids = new Int32Array(length);
  return { inputIds: ids, labels: ids, segments: [length] };
};
const tokens = lengths.reduce((sum, length) => sum + length, 0);
const store = {
  rowLength: (index: number): number => lengths[index]!,
  statistics: {
    examples: 11,
    rows: 11,
    tokens,
    supervisedTokens: 9,
    truncated: 0,
    dropped: { nothing_supervised_after_cut: 0 },
  },
};

it.each([
  ["whole epochs", { epochs: 2, maxSteps: null }],
  ["a part of an epoch more", { epochs: 1, maxSteps: 7 }],
  ["less than one epoch", { epochs: 1, maxSteps: 2 }],
])("are those of the batches that are formed in %s", (_, { epochs, maxSteps }) => {
  const plan = stepPlan({ rows: 11, globalBatchSize: 4, seed: 3, shuffle: true, epochs, maxSteps });
  let [all, used, computed] = [0, 0, 0];
  for (let step = 1; step <= plan.totalSteps; step++) {
    const { rows } = plan.rowsOf(stepNumber(step));
    for (let from = 0; from < rows.length; from += 2) {
      const batch = rows.slice(from, from + 2).map((index) => row(lengths[index]!));
      const sum = batch.reduce((total, { inputIds }) => total + inputIds.length, 0);
      all += sum;
      if (step > plan.stepsPerEpoch) continue;
      used += sum;
      computed += collate(batch).inputIds.length;
    }
  }
  expect(batchTokens(plan, store, 2)).toEqual({ tokens: all, paddingShare: 1 - used / computed });
});
