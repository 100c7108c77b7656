/**
 * Stands in for the product's `SliceReducer` where vectors have no elements and nothing fails: the same pulls at the same
 * times (tests/unit/bench/scaling.test.ts), without its bookkeeping, which makes hundreds of workers slow to simulate.
 * And the same with another order: "rotated" lets every reducer begin with another source than the others do.
 */
const pullsAtOnce = 4;

/** @param {"announced" | "rotated"} order */
export const standIn = (order) =>
  class {
    #options;
    #waiting = new Set();
    #sources = new Set();
    #missing;

    constructor(options) {
      this.#options = options;
      this.#missing = options.roundShards;
    }

    collect(node, source) {
      const part = { node, source, place: placeOf(source.workerId) };
      if (source.workerId === this.#options.workerId) {
        this.#options.own(this.#options.step, node);
        this.#add(node);
        return;
      }
      this.#waiting.add(part);
      this.#advance();
    }

    close() {
      this.#waiting.clear();
    }

    #advance() {
      while (this.#sources.size < pullsAtOnce) {
        const next = order === "rotated" ? this.#nearest() : this.#earliest();
        if (next === undefined) return;
        this.#waiting.delete(next);
        void this.#pull(next);
      }
    }

    /** One at a time from each source. */
    #earliest() {
      for (const part of this.#waiting) if (!this.#sources.has(part.source.workerId)) return part;
      return undefined;
    }

    /** Of the source that comes next after this worker, in a ring of all. */
    #nearest() {
      const own = placeOf(this.#options.workerId);
      let nearest;
      let least = Infinity;
      for (const part of this.#waiting) {
        if (this.#sources.has(part.source.workerId)) continue;
        const distance = part.place > own ? part.place - own : part.place - own + 1e6;
        if (distance < least) [nearest, least] = [part, distance];
      }
      return nearest;
    }

    async #pull({ node, source }) {
      this.#sources.add(source.workerId);
      await this.#options.pull(source);
      this.#sources.delete(source.workerId);
      this.#add(node);
      this.#advance();
    }

    #add({ count }) {
      this.#missing -= count;
      if (this.#missing === 0) this.#options.onComplete();
    }
  };

/** The simulation's workers are numbered in their ids. */
const places = new Map();
function placeOf(id) {
  let place = places.get(id);
  if (place === undefined) places.set(id, (place = Number(id.split("-")[2])));
  return place;
}
