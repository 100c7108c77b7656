/** Limits the number of concurrent callers, and so their total cost. */
import { CoxswainError } from "../errors.js";

export class Places {
  #taken = 0;

  constructor(readonly most: number) {}

  /** @returns a function that releases the place; @throws CoxswainError "cluster" if all are taken */
  enter(): () => void {
    if (this.#taken >= this.most)
      throw new CoxswainError("cluster", `${this.most} callers are already waiting for this coordinator`, {
        hint: "Try again in a moment.",
      });
    this.#taken++;
    return () => {
      this.#taken--;
    };
  }
}
