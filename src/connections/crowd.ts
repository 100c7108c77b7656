/**
 * Connections by the address of their peer. When there are too many, one of the address that has the most gives way,
 * and of these the oldest: whoever opens connections without end loses only his own. Independent of sockets.
 */
export class Crowd<T> {
  /** In the order in which they came. */
  readonly #of = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(address: string, member: T): void {
    const others = this.#of.get(address) ?? new Set();
    this.#of.set(address, others.add(member));
    this.#size++;
  }

  remove(address: string, member: T): void {
    const others = this.#of.get(address);
    if (others?.delete(member) !== true) return;
    this.#size--;
    if (others.size === 0) this.#of.delete(address);
  }

  /** @param isSpare whether a member rather gives way than the others of its address */
  givesWay(isSpare: (member: T) => boolean = () => true): T | undefined {
    let most: ReadonlySet<T> = new Set();
    for (const others of this.#of.values()) if (others.size > most.size) most = others;
    const [oldest] = most;
    for (const member of most) if (isSpare(member)) return member;
    return oldest;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (const members of this.#of.values()) yield* members;
  }
}
