/** So many callers at once: what one of them costs, all of them together must not exceed. */
import { CoxswainError } from "../errors.js";

export class Places {
  #taken = 0;

  constructor(readonly most: number) {}

  /** @returns gives the place back; @throws CoxswainError "cluster" where all are taken */
  enter(): () => void {
    if (this.#taken >= this.most)
      throw new CoxswainError("cluster", `${this.most} callers are waiting for this coordinator already`, {
        hint: "Try again in a moment.",
      });
    this.#taken++;
    return () => {
      this.#taken--;
    };
  }
}
