/** Checks the keys that compare evaluations: a metric that nothing measures has no effect. Pure. */
import type { Contradiction } from "./contradiction.js";
import type { KeyPath } from "./keys.js";
import type { RunConfig } from "./schema.js";

const key = (name: string): KeyPath => ["training", name];

export function checkBest({ training, data }: RunConfig): Contradiction[] {
  const { metric_for_best_model: metric, load_best_model_at_end: load, eval_steps: evalSteps } = training;
  const { early_stopping_patience: patience, early_stopping_threshold: threshold } = training;
  const found: Contradiction[] = [];
  const refuse = (names: readonly [string, ...string[]], message: string): void => {
    const [first, ...others] = names.map((name) => (name === "data.eval" ? (["data", "eval"] as const) : key(name)));
    if (first !== undefined) found.push({ keys: [first, ...others], message });
  };
  if (metric !== null && data.eval === null)
    refuse(
      ["metric_for_best_model", "data.eval"],
      `${metric} is never measured: set data.eval, or omit metric_for_best_model`,
    );
  if (training.predict_with_generate && data.eval === null)
    refuse(["predict_with_generate", "data.eval"], "there is nothing to answer: set data.eval, or omit it");
  for (const [name, isSet] of [
    ["load_best_model_at_end", load],
    ["early_stopping_patience", patience !== null],
  ] as const) {
    if (!isSet) continue;
    if (metric === null)
      refuse(
        [name, "metric_for_best_model"],
        "no metric is compared: set training.metric_for_best_model (eval_loss or exact_match)",
      );
    else if (evalSteps === null)
      refuse([name, "eval_steps"], "has no effect: only the last step is evaluated. Set training.eval_steps");
  }
  if (threshold > 0 && patience === null)
    refuse(
      ["early_stopping_threshold", "early_stopping_patience"],
      "has no effect without training.early_stopping_patience",
    );
  return found;
}
