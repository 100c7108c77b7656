/** The bytes of the integers, as a view, in the machine's byte order. */
export const bytesOf = (ints: Int32Array): Uint8Array => new Uint8Array(ints.buffer, ints.byteOffset, ints.byteLength);

/** A growable `Int32Array`: millions of examples take a few flat arrays instead of objects. */
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

  /** The written items, without spare capacity. */
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
