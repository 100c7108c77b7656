/** Planned keys of the run file, which are rejected as such rather than as misspelt keys. */

const plannedKeys: readonly string[] = ["training.sample_prompts"];

/** @param path dotted */
export const isPlannedKey = (path: string): boolean => plannedKeys.includes(path);
