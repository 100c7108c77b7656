/** Virtual time: what is to happen, earliest first, in order of its making where the time is the same. */
export class Timeline {
  /** Seconds. */
  now = 0;
  /** How much has happened. */
  events = 0;
  #times = [];
  #orders = [];
  #acts = [];
  #order = 0;

  /** @param {number} time seconds, not before now */
  at(time, act) {
    let at = this.#times.length;
    const order = this.#order++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#times[above] <= time) break;
      this.#move(above, at);
      at = above;
    }
    this.#put(at, time, order, act);
  }

  /** @param {number} delay seconds */
  after(delay, act) {
    this.at(this.now + delay, act);
  }

  /**
   * Lets the next thing happen.
   * @returns false when nothing is left to happen
   */
  advance() {
    const act = this.#acts[0];
    if (act === undefined) return false;
    this.now = this.#times[0];
    this.events++;
    this.#removeFirst();
    act();
    return true;
  }

  #removeFirst() {
    const size = this.#times.length - 1;
    const [time, order, act] = [this.#times.pop(), this.#orders.pop(), this.#acts.pop()];
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isBefore(child + 1, this.#times[child], this.#orders[child])) child++;
      if (!this.#isBefore(child, time, order)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, order, act);
  }

  #isBefore(at, time, order) {
    return this.#times[at] < time || (this.#times[at] === time && this.#orders[at] < order);
  }

  #move(from, to) {
    this.#put(to, this.#times[from], this.#orders[from], this.#acts[from]);
  }

  #put(at, time, order, act) {
    this.#times[at] = time;
    this.#orders[at] = order;
    this.#acts[at] = act;
  }
}
