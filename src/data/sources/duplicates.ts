/** Finds examples of the evaluation data that are also training examples: their loss says nothing of new data. Pure. */
export class Duplicates {
  /** Content numbers of training examples: 8 bytes each. */
  #training = new Float64Array(1024);
  #trained = 0;
  #isSorted = false;
  #count = 0;
  #examples = 0;
  #first: string | undefined;

  readonly train = (content: number): void => {
    if (this.#trained === this.#training.length) {
      const larger = new Float64Array(2 * this.#trained);
      larger.set(this.#training);
      this.#training = larger;
    }
    this.#training[this.#trained++] = content;
  };

  /** Called when all training examples are known. */
  readonly evaluate = (content: number, where: string): void => {
    this.#examples++;
    if (!this.#isTrained(content)) return;
    this.#count++;
    this.#first ??= where;
  };

  #isTrained(content: number): boolean {
    if (!this.#isSorted) this.#training = this.#training.slice(0, this.#trained).sort();
    this.#isSorted = true;
    let [low, high] = [0, this.#trained];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#training[middle] ?? Infinity) < content) low = middle + 1;
      else high = middle;
    }
    return this.#training[low] === content;
  }

  /** A sentence for the user; undefined if there are none. */
  note(): string | undefined {
    if (this.#first === undefined) return undefined;
    return (
      `${this.#count} of ${this.#examples} evaluation examples are also training examples (first: ${this.#first}): the ` +
      "evaluation loss is too low by them. Remove them from one side, or let data.eval hold a share of data.train out."
    );
  }
}
