/** Planned keys of the run file, which are rejected as such rather than as misspelt keys. */

const plannedKeys: readonly string[] = [
  "training.early_stopping_patience",
  "training.early_stopping_threshold",
  "training.load_best_model_at_end",
  "training.metric_for_best_model",
  "training.sample_prompts",
];

/** @param path dotted */
export const isPlannedKey = (path: string): boolean => plannedKeys.includes(path);
