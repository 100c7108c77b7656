/** Functions with Python's parameters: positional or by name, with defaults. */
import { typeError } from "./errors.js";
import type { Limits } from "./limits.js";
import type { Keywords, Value } from "./values.js";

/** A name with its default. */
export type Parameter = string | readonly [name: string, fallback: Value];

/** What runs when a template uses a filter, a test, a method or a global. */
export type Run = (limits: Limits, args: readonly Value[], keywords: Keywords) => Value;

const nameOf = (parameter: Parameter): string => (typeof parameter === "string" ? parameter : parameter[0]);

/** The arguments in the order of the parameters. */
export function bindArguments(
  name: string,
  parameters: readonly Parameter[],
  args: readonly Value[],
  keywords: Keywords,
): Value[] {
  if (args.length > parameters.length) {
    throw typeError(`${name}() takes ${parameters.length} arguments but ${args.length} were given`);
  }
  for (const keyword of keywords.keys()) {
    const index = parameters.findIndex((parameter) => nameOf(parameter) === keyword);
    if (index < 0) throw typeError(`${name}() got an unexpected keyword argument '${keyword}'`);
    if (index < args.length) throw typeError(`${name}() got multiple values for argument '${keyword}'`);
  }
  return parameters.map((parameter, index) => {
    const value = index < args.length ? args[index] : keywords.get(nameOf(parameter));
    if (value !== undefined) return value;
    if (typeof parameter === "string") throw typeError(`${name}() missing the required argument '${parameter}'`);
    return parameter[1];
  });
}

/** A function whose arguments may be given by name. */
export function builtin(
  name: string,
  parameters: readonly Parameter[],
  run: (limits: Limits, ...values: Value[]) => Value,
): Run {
  return (limits, args, keywords) => {
    if (keywords.size === 0 && args.length === parameters.length) return run(limits, ...args);
    return run(limits, ...bindArguments(name, parameters, args, keywords));
  };
}

/** A function with positional arguments only, as most methods. */
export function positional(
  name: string,
  parameters: readonly Parameter[],
  run: (limits: Limits, ...values: Value[]) => Value,
): Run {
  const bind = builtin(name, parameters, run);
  return (limits, args, keywords) => {
    if (keywords.size > 0) throw typeError(`${name}() takes no keyword arguments`);
    return bind(limits, args, keywords);
  };
}
