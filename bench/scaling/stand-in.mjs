/**
 * Stands in for the product's `SliceReducer` where vectors have no elements and nothing fails: the same pulls at the same
 * times (tests/unit/bench/scaling.test.ts), without its bookkeeping, which makes hundreds of workers slow to simulate.
 * And the same with another order: "announced" lets every reducer begin with the same sources.
 */
const pullsAtOnce = 4;

/** @param {"announced" | "product"} order */
export const standIn = (order) =>
  class {
    #options;
    #waiting = [];
    #next;
    #sources = new Set();
    #missing;

    constructor(options) {
      this.#options = options;
      this.#missing = options.roundShards;
      this.#next = options.slice * pullsAtOnce;
    }

    collect(parts) {
      const own = ({ source }) => source.workerId === this.#options.workerId;
      for (const { node } of parts.filter(own)) {
        this.#options.own(this.#options.step, node);
        this.#add(node);
      }
      this.#waiting.push(...parts.filter((part) => !own(part)));
      this.#advance();
    }

    close() {
      this.#waiting = [];
    }

    #advance() {
      while (this.#sources.size < pullsAtOnce) {
        const next = this.#takeNext();
        if (next === undefined) return;
        void this.#pull(next);
      }
    }

    /** One at a time from each source. */
    #takeNext() {
      const { length } = this.#waiting;
      const from = order === "announced" ? 0 : this.#next;
      for (let tried = 0; tried < length; tried++) {
        const index = (from + tried) % length;
        if (this.#sources.has(this.#waiting[index].source.workerId)) continue;
        this.#next = index;
        return this.#waiting.splice(index, 1)[0];
      }
      return undefined;
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
