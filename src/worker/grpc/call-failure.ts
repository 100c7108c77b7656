/** What calls over gRPC reject with, as the rest of the worker knows it. */
import { CoxswainError, messageOf } from "../../errors.js";
import { PullRefused, needsConnection } from "../../rpc/index.js";
import { CallFailed } from "../call-failed.js";

/** @returns a `CallFailed` for what may go wrong with a call; an internal error as it is */
export function callFailure(error: unknown): unknown {
  const expected =
    error instanceof CoxswainError ? error.code !== "bug" : error instanceof PullRefused || isServiceError(error);
  return expected ? new CallFailed(messageOf(error), needsConnection(error), error) : error;
}

/** Whether this is how gRPC says that a call failed. */
const isServiceError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
