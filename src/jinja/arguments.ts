/** Type checks of arguments, with the errors that Python raises. */
import { PythonError, typeError } from "./errors.js";
import { asInt } from "./numbers.js";
import { Markup, Undefined, typeName, type Value } from "./values.js";

/** A str. */
export function textArgument(value: Value, name = "argument"): string {
  if (typeof value === "string") return value;
  if (value instanceof Markup) return value.text;
  throw typeError(`${name} must be str, not ${typeName(value)}`);
}

/** A str, or null for None. */
export const textOrNone = (value: Value, name?: string): string | null =>
  value === null ? null : textArgument(value, name);

/** An int; clamped to the largest or smallest safe integer. */
export function intArgument(value: Value): number {
  const int = asInt(value);
  if (typeof int === "number") return int;
  if (typeof int === "bigint") return int > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

/** Everything but printing, testing and iterating is an error with an undefined value. */
export function refuseUndefined(...values: readonly Value[]): void {
  for (const value of values) if (value instanceof Undefined) throw new PythonError(value.error, value.message);
}
