/** Converts errors of gRPC calls into those of the transport interface. */
import { CoxswainError, messageOf } from "../../errors.js";
import { PullRefused, needsConnection } from "../../rpc/index.js";
import { CallFailed } from "../call-failed.js";

/** @returns a `CallFailed` for an error of the call; an internal error unchanged */
export function callFailure(error: unknown): unknown {
  const expected =
    error instanceof CoxswainError ? error.code !== "bug" : error instanceof PullRefused || isServiceError(error);
  return expected ? new CallFailed(messageOf(error), needsConnection(error), error) : error;
}

/** Whether this is an error of a gRPC call. */
const isServiceError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
