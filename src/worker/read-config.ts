/** The run's settings as the coordinator's welcome has them. */
import type { RunConfig } from "../config/index.js";
import { runSchema } from "../config/index.js";
import { CoxswainError, messageOf } from "../errors.js";

/** @throws CoxswainError "network" where they cannot be read */
export function readConfig(text: string): RunConfig {
  try {
    return runSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new CoxswainError("network", `the coordinator's run settings cannot be read: ${messageOf(error)}`, {
      hint: "Coordinator and worker must be of the same version.",
      cause: error,
    });
  }
}
