/** Limits of one rendering. Templates come from untrusted models: they must end, within the machine's memory. */
import { LimitError } from "./errors.js";

/** Loop rounds, calls, and pieces of output; far beyond any real conversation. */
const maxSteps = 1 << 23;
/** Characters of one text. */
const maxText = 1 << 24;
/** Of one rendering: single steps, such as a search in a long text, may take long themselves. */
const maxSeconds = 5;
/** Steps between two looks at the clock. */
const stepsPerLook = 8;
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

/** Seconds since some moment, of a clock and of this process's processors. */
const readClocks = (): readonly [wall: number, processors: number] => {
  const { user, system } = process.cpuUsage();
  return [performance.now() / 1000, (user + system) / 1e6];
};

export class Limits {
  readonly #start = performance.now() / 1000;
  #steps = maxSteps;
  #looks = 0;
  /** Known once a rendering takes long. */
  #late: readonly [wall: number, processors: number] | undefined;

  /** One more round, call, or item. */
  step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0) throw new LimitError(`the template takes more than ${maxSteps} steps`);
    if (++this.#looks % stepsPerLook === 0) this.#checkTime();
  }

  /** A machine that sleeps or is busy with other things does not end a rendering: what counts is both clocks. */
  #checkTime(): void {
    if (performance.now() / 1000 - this.#start < maxSeconds / 2) return;
    const now = readClocks();
    this.#late ??= now;
    if (this.#late.every((then, index) => (now[index] ?? 0) - then >= maxSeconds / 2))
      throw new LimitError(`the template takes more than ${maxSeconds} seconds`);
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
