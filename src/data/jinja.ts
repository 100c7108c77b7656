/**
 * Jinja as transformers sets it up for chat templates: `trim_blocks`, `lstrip_blocks`, `tojson` that leaves non-ASCII
 * alone, `raise_exception`, `strftime_now`. Knows nothing of conversations or tokens.
 *
 * Where the library differs from Python's Jinja still: a number such as 21.0 in JSON is written as 21 (see
 * `number-spelling.ts`); a printed list, mapping, boolean or none looks like JSON, not like Python; a variable set in a
 * loop keeps its value in the next round.
 */
import * as library from "@huggingface/jinja";
import { rewriteStrips, stripFunctions } from "./jinja-strip.js";
import { strftime } from "./strftime.js";

/** The part of the library used here: its own declarations don't resolve under Node's module rules. */
interface JinjaLibrary {
  readonly Template: new (source: string) => { readonly parsed: unknown };
  readonly Environment: new () => JinjaEnvironment;
  readonly Interpreter: new (environment: JinjaEnvironment) => { run(program: unknown): { toString(): string } };
}

interface JinjaEnvironment {
  set(name: string, value: unknown): unknown;
}

const { Template, Environment, Interpreter } = library as unknown as JinjaLibrary;

/** A compiled template: variables in, text out. Throws what the template raises. */
export type JinjaTemplate = (variables: Readonly<Record<string, unknown>>, now: () => Date) => string;

function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new Error("range() step must not be zero");
  const numbers: number[] = [];
  for (let value = start; step > 0 ? value < stop : value > stop; value += step) numbers.push(value);
  return numbers;
}

function raiseException(message: unknown): never {
  throw new Error(String(message));
}

/**
 * @param source template text; line ends are made "\n", as Python's Jinja does
 * @throws Error with the library's message where it is not a template
 */
export function compileJinja(source: string): JinjaTemplate {
  const program = new Template(source.replace(/\r\n?/g, "\n")).parsed;
  rewriteStrips(program);
  return (variables, now) => {
    const environment = new Environment();
    for (const [name, value] of [
      ["false", false],
      ["true", true],
      ["none", null],
      ["False", false],
      ["True", true],
      ["None", null],
    ] as const) {
      environment.set(name, value);
    }
    environment.set("range", range);
    environment.set("raise_exception", raiseException);
    environment.set("strftime_now", (format: string) => strftime(now(), format));
    for (const [name, strip] of Object.entries(stripFunctions)) environment.set(name, strip);
    for (const [name, value] of Object.entries(variables)) environment.set(name, value);
    return new Interpreter(environment).run(program).toString();
  };
}
