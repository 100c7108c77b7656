import { CoxswainError } from "../../src/errors.js";

/** The error of a rejected promise; fails the test if it resolves. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("no rejection");
}

/** The CoxswainError that an action throws; anything else fails the test. */
export function errorOf(action: () => unknown): CoxswainError {
  try {
    action();
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
  throw new Error("no error");
}
