/** Limits of one rendering. Templates come from untrusted models: they must end, within the machine's memory. */
import { LimitError } from "./errors.js";

/** Loop rounds, calls, and pieces of output; far beyond any real conversation. */
const maxSteps = 1 << 23;
/** Characters of one text. */
const maxText = 1 << 26;
/** Characters that are built in one step. */
const charactersPerStep = 16;

/** A text of this length exists, or is about to be built. */
export function checkTextLength(length: number): void {
  if (length > maxText) throw new LimitError(`the template writes a text of more than ${maxText} characters`);
}

/** A text written piece by piece: nested lists can be larger than any text. */
export class BoundedText {
  text = "";
  #pieces = 0;

  add(piece: string): void {
    this.text += piece;
    checkTextLength(this.text.length);
    if (++this.#pieces > maxSteps) throw new LimitError(`a value has more than ${maxSteps} parts`);
  }
}

export class Limits {
  #steps = maxSteps;

  /** One more round, call, or item. */
  step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0) throw new LimitError(`the template takes more than ${maxSteps} steps`);
  }

  /** A text of this length is about to be built. */
  text(length: number): void {
    this.held(length);
    this.step(Math.ceil(length / charactersPerStep));
  }

  /** A text of this length already exists. */
  held(length: number): void {
    checkTextLength(length);
  }
}
