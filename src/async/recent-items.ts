/**
 * A sequence that many may follow at their own pace, while memory stays bounded: the newest items are kept, and a reader
 * that falls further behind misses the oldest. Whoever adds items never waits.
 */
export class RecentItems<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  /** Number of the oldest item that is kept, from 0. */
  #first = 0;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  /** @param capacity items kept */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    if (this.#items.length > this.#capacity) {
      this.#items.shift();
      this.#first++;
    }
    this.#wake();
  }

  /** Readers get what is kept, then the end. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Each reader begins with the oldest item that is kept. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    let next = 0;
    let left = false;
    const wakes = new Set<() => void>();
    const take = async (): Promise<IteratorResult<T, undefined>> => {
      for (;;) {
        if (left) return { done: true, value: undefined };
        next = Math.max(next, this.#first);
        if (next < this.#first + this.#items.length) {
          const value = this.#items[next++ - this.#first] as T;
          return { done: false, value };
        }
        if (this.#ended) return { done: true, value: undefined };
        await new Promise<void>((resolve) => {
          wakes.add(resolve);
          this.#waiting.add(resolve);
        });
        wakes.clear();
      }
    };
    const reader: AsyncIterableIterator<T, undefined> = {
      next: take,
      return: () => {
        left = true;
        for (const wake of wakes) {
          this.#waiting.delete(wake);
          wake();
        }
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => reader,
    };
    return reader;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
