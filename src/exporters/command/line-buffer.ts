/** Lines that wait for a slow reader, in bounded memory: the oldest are dropped. Pure. */
export class LineBuffer {
  readonly #capacity: number;
  #lines: string[] = [];
  #dropped = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#lines.length;
  }

  /** How many were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  push(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length <= this.#capacity) return;
    this.#lines.shift();
    this.#dropped++;
  }

  /** The oldest line, which is removed. */
  take(): string | undefined {
    return this.#lines.shift();
  }
}
