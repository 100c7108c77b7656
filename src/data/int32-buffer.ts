/** A growing `Int32Array`: millions of examples are a few flat arrays, not objects. */
export class Int32Buffer {
  #items: Int32Array;
  #length = 0;

  constructor(capacity = 1024) {
    this.#items = new Int32Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  push(item: number): void {
    this.#reserve(1);
    this.#items[this.#length++] = item;
  }

  append(items: Int32Array): void {
    this.#reserve(items.length);
    this.#items.set(items, this.#length);
    this.#length += items.length;
  }

  /** What has been written, exactly that long; the spare capacity is given back. */
  finish(): Int32Array {
    return this.#items.length === this.#length ? this.#items : this.#items.slice(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#items.length) return;
    const larger = new Int32Array(Math.max(needed, Math.ceil(this.#items.length * 1.5)));
    larger.set(this.#items.subarray(0, this.#length));
    this.#items = larger;
  }
}
