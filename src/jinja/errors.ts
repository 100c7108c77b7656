/** Errors of a template: those of Python or Jinja, and unsupported constructs. */

/** Names of Python's and Jinja's exceptions, as far as filters or operators distinguish them. */
export type ErrorKind =
  | "TypeError"
  | "ValueError"
  | "KeyError"
  | "IndexError"
  | "AttributeError"
  | "ZeroDivisionError"
  | "OverflowError"
  | "AssertionError"
  | "RuntimeError"
  | "UndefinedError"
  | "SecurityError"
  | "TemplateError"
  | "TemplateSyntaxError"
  | "TemplateRuntimeError";

/** An error that Python's Jinja raises too. */
export class PythonError extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A construct that is valid in Jinja but not supported here: refused by name, never rendered differently. */
export class UnsupportedError extends Error {
  constructor(construct: string) {
    super(`${construct} is not supported`);
  }
}

/** A template that needs more time or memory than any real chat template. */
export class LimitError extends Error {}

export const typeError = (message: string): PythonError => new PythonError("TypeError", message);
export const valueError = (message: string): PythonError => new PythonError("ValueError", message);

export function syntaxError(message: string, line: number): PythonError {
  return new PythonError("TemplateSyntaxError", `line ${line}: ${message}`);
}

/** Whether the error is one of these Python exceptions: like an `except` clause in Jinja's filters. */
export function isError(error: unknown, ...kinds: readonly ErrorKind[]): boolean {
  return error instanceof PythonError && kinds.includes(error.kind);
}
