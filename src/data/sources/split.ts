/**
 * Divides examples between training and evaluation by their content alone, so that copies are on one side, on every
 * machine. Pure.
 */
import { CoxswainError } from "../../errors.js";
import { contentRange } from "./content.js";

/** Held out is every example whose content number is below this. */
export type Threshold = number;

/** A share, not a number of examples. */
export const isShare = (heldOut: number): boolean => heldOut < 1;

/** Depends on nothing but the share: an example never changes sides. */
export const thresholdOfShare = (share: number): Threshold => Math.round(share * contentRange);

/**
 * Finds the threshold below which a number of different examples lie: those with the smallest content numbers. Another
 * example among them displaces one to the training side; none ever moves from there to the evaluation side.
 */
export class CountThreshold {
  readonly #count: number;
  #smallest: number[] = [];
  #bound = Infinity;
  #others = false;

  constructor(count: number) {
    this.#count = count;
  }

  add(content: number): void {
    if (content >= this.#bound) {
      this.#others = true;
      return;
    }
    this.#smallest.push(content);
    if (this.#smallest.length >= 2 * this.#count + 1024) this.#shrink();
  }

  #shrink(): void {
    const sorted = [...new Set(this.#smallest)].sort((a, b) => a - b);
    const kept = sorted.slice(0, this.#count + 1);
    // All with smaller numbers are known from here on.
    if (kept.length > this.#count) this.#bound = kept[this.#count] ?? Infinity;
    this.#smallest = sorted.slice(0, this.#count);
    if (sorted.length > this.#count) this.#others = true;
  }

  /** @throws CoxswainError "config" if nothing is left to train on */
  finish(sources: string): Threshold {
    this.#shrink();
    if (!this.#others) {
      const found = this.#smallest.length;
      throw new CoxswainError(
        "config",
        `data.eval: ${this.#count} leaves nothing to train on: ${sources} has ${found} different ${found === 1 ? "example" : "examples"}`,
        { hint: "Hold fewer out, or give a share such as 0.05." },
      );
    }
    return (this.#smallest.at(-1) ?? -1) + 1;
  }
}
