/** Limits the number of concurrent callers, and so their total cost. */
import { CoxswainError } from "../errors.js";

/** All places are taken: the same call may succeed in a moment. */
export class TooManyCallers extends CoxswainError {
  constructor(most: number) {
    super("cluster", `${most} callers are already waiting for this coordinator`, { hint: "Try again in a moment." });
  }
}

export class Places {
  #taken = 0;

  constructor(readonly most: number) {}

  /** @returns a function that releases the place; @throws TooManyCallers */
  enter(): () => void {
    if (this.#taken >= this.most) throw new TooManyCallers(this.most);
    this.#taken++;
    return () => {
      this.#taken--;
    };
  }
}
