/** Compiles and renders a template. */
import { someNode } from "./ast.js";
import { compileStatements } from "./compile-statement.js";
import { LimitError, UnsupportedError } from "./errors.js";
import { enterScope } from "./frame.js";
import { makeGlobals } from "./globals.js";
import { Limits } from "./limits.js";
import { parseTemplate } from "./parser.js";
import { Rendering } from "./rendering.js";
import { FunctionScope, Symbols, undeclaredNames } from "./symbols.js";
import type { Value } from "./values.js";

export interface RenderOptions {
  readonly variables: ReadonlyMap<string, Value>;
  /** The current time under one of `strftime`'s formats. */
  readonly formatNow: (format: string) => string;
  /** Written before and after what is in `{% generation %}`. Default: nothing. */
  readonly generationMarks?: readonly [start: string, end: string];
}

export interface Template {
  /** Whether it has a `{% generation %}`. */
  readonly marksGeneration: boolean;
  /** @throws PythonError where Python's Jinja raises, UnsupportedError, LimitError */
  render(options: RenderOptions): string;
}

/** JavaScript's own limits: its stack, and the longest string. */
function withinLimits<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const isDeep = error.message.includes("call stack");
    const message = isDeep
      ? "the template nests or recurses too deeply"
      : "the template writes a text that is too long";
    throw new LimitError(message, { cause: error });
  }
}

/**
 * @throws PythonError if the source is not a template, UnsupportedError naming what is not supported
 */
export const compileTemplate = (source: string): Template => withinLimits(() => compile(source));

function compile(source: string): Template {
  const nodes = parseTemplate(source);
  if (undeclaredNames(nodes, ["self"]).has("self")) throw new UnsupportedError("the variable 'self'");
  const symbols = new Symbols(null, new FunctionScope(null));
  symbols.visit(nodes);
  const body = compileStatements(nodes, { symbols, soft: false, inLoop: false });
  const enter = enterScope(symbols);
  const render = ({ variables, formatNow, generationMarks = ["", ""] }: RenderOptions): string => {
    const context = makeGlobals(formatNow);
    for (const [name, value] of variables) context.set(name, value);
    const rendering = new Rendering({ limits: new Limits(), context, generationMarks });
    const activation = { slots: [], parent: null, rendering };
    enter(activation);
    body(activation);
    return rendering.output;
  };
  return {
    marksGeneration: someNode(nodes, (node) => node.type === "Generation"),
    render: (options) => withinLimits(() => render(options)),
  };
}
