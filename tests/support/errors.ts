import { CoxswainError } from "../../src/errors.js";

/** The error of ours that an action throws; anything else fails the test. */
export function errorOf(action: () => unknown): CoxswainError {
  try {
    action();
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
  throw new Error("no error");
}
