/** Checks of an error as its user sees it: code, message, hint. */
import { expect } from "vitest";
import { CoxswainError, type ErrorCode } from "../../../src/errors.js";

type Patterns = readonly [message: RegExp, hint?: RegExp];

function problemOf(error: unknown, code: ErrorCode, [message, hint]: Patterns): string | null {
  if (!(error instanceof CoxswainError)) return `expected a CoxswainError, got ${String(error)}`;
  if (error.code !== code) return `expected code ${code}, got ${error.code}: ${error.message}`;
  if (!message.test(error.message)) return `the message doesn't match ${String(message)}: ${error.message}`;
  if (hint !== undefined && !hint.test(error.hint ?? "")) {
    return `the hint doesn't match ${String(hint)}: ${error.hint ?? "(none)"}`;
  }
  return null;
}

const none = "expected an error, got none";

/** The call must throw such an error. */
export function expectError(call: () => unknown, code: ErrorCode, ...patterns: Patterns): void {
  let problem: string | null = none;
  try {
    call();
  } catch (error) {
    problem = problemOf(error, code, patterns);
  }
  expect(problem).toBeNull();
}

/** The promise must be rejected with such an error. */
export async function expectRejection(
  promise: Promise<unknown>,
  code: ErrorCode,
  ...patterns: Patterns
): Promise<void> {
  const problem = await promise.then(
    () => none,
    (error: unknown) => problemOf(error, code, patterns),
  );
  expect(problem).toBeNull();
}
