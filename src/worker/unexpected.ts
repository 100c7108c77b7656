/** The error for what a coordinator of the same version does not send. */
import { CoxswainError } from "../errors.js";

export const unexpected = (message: string): CoxswainError =>
  new CoxswainError("network", message, { hint: "Coordinator and worker must be of the same version." });
