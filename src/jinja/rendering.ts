/** The state of one rendering: the output, and the variables of every active function. */
import type { Limits } from "./limits.js";
import { typeError } from "./errors.js";
import { Markup, typeName, type Value } from "./values.js";

export interface RenderingOptions {
  readonly limits: Limits;
  /** Values of names that no scope defines. */
  readonly context: ReadonlyMap<string, Value>;
  /** Written before and after what is in `{% generation %}`. */
  readonly generationMarks: readonly [start: string, end: string];
}

export class Rendering {
  readonly limits: Limits;
  readonly context: ReadonlyMap<string, Value>;
  readonly generationMarks: readonly [start: string, end: string];
  output = "";
  /** The text of the block whose filter is about to be applied. */
  blockText = "";

  constructor({ limits, context, generationMarks }: RenderingOptions) {
    this.limits = limits;
    this.context = context;
    this.generationMarks = generationMarks;
  }

  /** Captures what is written while this runs, instead of adding it to the output. */
  capture(run: () => void): string {
    const before = this.output;
    this.output = "";
    run();
    const text = this.output;
    this.output = before;
    this.limits.held(text.length);
    return text;
  }
}

/** The result of a block's filter or call is written unchanged: Jinja does not convert it to a text. */
export function blockResult(value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Markup) return value.text;
  throw typeError(`a block's text is to be str, not ${typeName(value)}`);
}

/** An active function: the template, a macro, a recursive loop. */
export interface Activation {
  /** undefined: not assigned. */
  readonly slots: (Value | undefined)[];
  /** Of the function in which this one was defined. */
  readonly parent: Activation | null;
  readonly rendering: Rendering;
}

/** A compiled expression. */
export type Code = (activation: Activation) => Value;

/** How a statement ends: as usual, with `break`, or with `continue`. */
export type Signal = 0 | 1 | 2;
export const done = 0;
export const breaks = 1;
export const continues = 2;

/** A compiled statement. */
export type Step = (activation: Activation) => Signal;
