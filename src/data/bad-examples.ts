/**
 * What becomes of examples that cannot be trained on (`data.on_bad_example`): the first one ends the reading with its
 * error, or they are skipped, counted and listed. Only errors in one example count: a file that can't be read, or a
 * model without a chat template, always is an error.
 */
import type { DataConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import type { DataSelection } from "./sources/index.js";

/** A bad example that was left out (`data.on_bad_example: skip`). */
export interface SkippedExample {
  /** "train.jsonl:7" */
  readonly where: string;
  /** Why, without the place: `"content" of message 2 of "messages" is missing; expected a string` */
  readonly reason: string;
}

/** Of a reason, in characters: it may quote the example. */
const longestReason = 300;

const shortened = (reason: string): string =>
  reason.length <= longestReason ? reason : `${reason.slice(0, longestReason)}…`;

/** At most so many skipped examples are listed; all are counted. */
export const listedExamples = 100;

const shownExamples = 3;

export class BadExamples {
  readonly #policy: DataConfig["on_bad_example"];
  readonly #listed: SkippedExample[] = [];
  #first: CoxswainError | undefined;
  #count = 0;

  constructor(policy: DataConfig["on_bad_example"]) {
    this.#policy = policy;
  }

  /** Whether bad examples are skipped. */
  get areSkipped(): boolean {
    return this.#policy === "skip";
  }

  get count(): number {
    return this.#count;
  }

  /** The first ones, at most `listedExamples`. */
  get listed(): readonly SkippedExample[] {
    return this.#listed;
  }

  /**
   * Skips an example with this error, or throws it. Called in the order of the data.
   * @param isRepeated whether it was read before, since the weight of its source repeats it: it is counted once
   */
  skip(where: string, error: unknown, isRepeated = false): void {
    const isBad = error instanceof CoxswainError && error.code === "data";
    if (!isBad || this.#policy === "error") throw error;
    if (isRepeated) return;
    this.#first ??= error;
    this.#count++;
    if (this.#listed.length >= listedExamples) return;
    const { message } = error;
    const reason = message.startsWith(where) ? message.slice(where.length).replace(/^[:,] /, "") : message;
    this.#listed.push({ where, reason: shortened(reason) });
  }

  /**
   * Passes over a line that is on no side of a split, since its content cannot be read: it is counted with the training
   * data.
   */
  passOver(error: CoxswainError): void {
    this.#first ??= error;
  }

  /**
   * @param side of a split, if the examples are one
   * @throws CoxswainError "data" if there were bad examples only
   */
  requireSome(good: number, side?: DataSelection["side"]): void {
    const first = this.#first;
    if (good > 0 || first === undefined) return;
    const those = this.count === 1 ? "the only example" : `all ${this.count} examples`;
    const are = this.count === 1 ? "is bad" : "are bad";
    if (side === undefined) {
      const { hint } = first;
      throw new CoxswainError("data", `${those} ${are}. ${first.message}`, {
        ...(hint === undefined ? {} : { hint }),
        cause: first,
      });
    }
    const { evaluation, split } = side;
    const found = this.count === 0 ? "" : `: ${those} ${evaluation ? "held out" : "left"} ${are}`;
    const what = evaluation ? "holds out no good example" : "leaves no good example to train on";
    throw new CoxswainError("data", `data.eval: ${split.heldOut} ${what}${found}. ${first.message}`, {
      hint: evaluation
        ? "Give a number of examples, such as 10: they are taken from the good ones. Or give a larger share."
        : "Hold fewer out, or correct the bad examples.",
      cause: first,
    });
  }

  /** A sentence on the skipped examples with the first few; null if there are none. */
  note(good: number): string | null {
    return this.count === 0 ? null : skippedNote(this.count, this.listed, good + this.count);
  }
}

/** "train.jsonl:7: not JSON: …" */
export const inWords = ({ where, reason }: SkippedExample): string => `${where}: ${reason}`;

function skippedNote(count: number, listed: readonly SkippedExample[], examples: number): string {
  const shown = listed.slice(0, shownExamples).map(inWords);
  const more = count > shown.length ? `; and ${count - shown.length} more` : "";
  return `${count} of ${examples} examples were skipped (data.on_bad_example: skip): ${shown.join("; ")}${more}`;
}
