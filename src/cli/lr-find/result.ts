/** The result of a range test as JSON, with documented keys (docs/choosing.md). Pure. */
import type { FoundLearningRate } from "../../library/index.js";
import { rangeTestRules, type Ramp } from "../../tune/index.js";

export function resultJson(
  { points, divergedAt, suggestion }: FoundLearningRate,
  { from, to, steps }: Ramp,
): Record<string, unknown> {
  return {
    from,
    to,
    steps,
    smoothing: rangeTestRules.smoothing,
    divergence: rangeTestRules.divergence,
    diverged_at: divergedAt ?? null,
    suggestion: suggestion.learningRate ?? null,
    rule: suggestion.rule ?? null,
    reason: suggestion.reason,
    steepest: suggestion.steepest ?? null,
    turn: suggestion.turn ?? null,
    tenth: suggestion.tenth ?? null,
    points: points.map(({ step, learningRate, loss, smoothedLoss }) => {
      return { step, learning_rate: learningRate, loss, smoothed_loss: smoothedLoss };
    }),
  };
}
