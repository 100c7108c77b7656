/** A set of content numbers, which may have more members than a `Set` can hold: 16 bytes each at most. Pure. */
export class ContentSet {
  /** Open addressing; -1: free. A power of two. */
  #slots = new Float64Array(1024).fill(-1);
  #size = 0;

  has(content: number): boolean {
    return this.#slots[this.#slotOf(content)] === content;
  }

  /** @returns false if it was a member before */
  add(content: number): boolean {
    const slot = this.#slotOf(content);
    if (this.#slots[slot] === content) return false;
    this.#slots[slot] = content;
    this.#size++;
    if (this.#size * 2 > this.#slots.length) this.#grow();
    return true;
  }

  /** Its own slot, or the free one that it would take. Content numbers are parts of hashes: evenly spread. */
  #slotOf(content: number): number {
    const { length } = this.#slots;
    let slot = content % length;
    while (this.#slots[slot] !== -1 && this.#slots[slot] !== content) slot = (slot + 1) % length;
    return slot;
  }

  #grow(): void {
    const members = this.#slots;
    this.#slots = new Float64Array(members.length * 2).fill(-1);
    for (const member of members) if (member !== -1) this.#slots[this.#slotOf(member)] = member;
  }
}
