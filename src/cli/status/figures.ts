/** The newest and the best evaluation in words, for both forms of the status. Pure. */
import type { BestOfRun } from "../../control/index.js";
import { formatLoss } from "../terminal/progress-format.js";

interface Evaluated {
  readonly step: number;
  readonly eval_loss: number;
  readonly eval_exact_match?: number | null | undefined;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** "loss 1.2345, exact match 71.0 % after step 40; best: exact_match 75.0 % after step 20"; undefined before the first. */
export function evaluationText(evaluation: Evaluated | null, best: BestOfRun | null): string | undefined {
  const texts = [newestText(evaluation), bestText(best)].filter((text) => text !== undefined);
  return texts.length === 0 ? undefined : texts.join("; ");
}

function newestText(evaluation: Evaluated | null): string | undefined {
  if (evaluation === null) return undefined;
  const { step, eval_loss: loss, eval_exact_match: match = null } = evaluation;
  return `loss ${formatLoss(loss)}${match === null ? "" : `, exact match ${percent(match)}`} after step ${step}`;
}

function bestText(best: BestOfRun | null): string | undefined {
  if (best === null) return undefined;
  const { metric, step, value } = best;
  return `best: ${metric} ${metric === "exact_match" ? percent(value) : formatLoss(value)} after step ${step}`;
}
