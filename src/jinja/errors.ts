/** How a template ends without a text: as Python or Jinja would end it, or because something is not supported here. */

/** Names of Python's and Jinja's exceptions, as far as a filter or an operator tells them apart. */
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

/** A construct that is valid in Jinja and not supported here: refused by name, never rendered otherwise. */
export class UnsupportedError extends Error {
  constructor(construct: string) {
    super(`${construct} is not supported`);
  }
}

/** A template that needs more time or memory than any chat template does. */
export class LimitError extends Error {}

export const typeError = (message: string): PythonError => new PythonError("TypeError", message);
export const valueError = (message: string): PythonError => new PythonError("ValueError", message);

export function syntaxError(message: string, line: number): PythonError {
  return new PythonError("TemplateSyntaxError", `line ${line}: ${message}`);
}

/** Whether the error is one of these Python exceptions: what an `except` clause in Jinja's filters asks. */
export function isError(error: unknown, ...kinds: readonly ErrorKind[]): boolean {
  return error instanceof PythonError && kinds.includes(error.kind);
}
