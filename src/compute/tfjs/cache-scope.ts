/** Attention in generation: new tokens see all of their row's earlier ones, whose keys and values are kept. */
import { concat, keep, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { CoxswainError } from "../../errors.js";
import type { AttentionBlock, AttentionScope } from "./context.js";
import { cacheMask, type CachePlaces } from "./masks.js";

/** Keys and values of every layer so far, [rows, keyValueHeads, places, headDim] each. */
export class KeyValueCache {
  readonly #slots = new Map<string, Tensor>();

  /** Appends new places. @returns all places, owned by the cache */
  append(layer: number, part: "key" | "value", states: Tensor): Tensor {
    const slot = `${layer} ${part}`;
    const past = this.#slots.get(slot);
    const all = keep(past === undefined ? states.clone() : concat([past, states], 2));
    past?.dispose();
    this.#slots.set(slot, all);
    return all;
  }

  dispose(): void {
    for (const states of this.#slots.values()) states.dispose();
    this.#slots.clear();
  }
}

export class CacheScope implements AttentionScope {
  readonly #cache: KeyValueCache;
  readonly #blocks = new Map<number | null, readonly [AttentionBlock]>();

  /** Creates all masks immediately, in the caller's scope of tensors. */
  constructor(cache: KeyValueCache, fed: CachePlaces, rows: number, windows: Iterable<number | null>) {
    this.#cache = cache;
    const length = fed.positions.length / rows;
    for (const window of new Set(windows)) {
      const mask = tensor(cacheMask(fed, rows, window), [rows, 1, length, fed.places], "float32");
      this.#blocks.set(window, [{ firstQuery: 0, queries: length, firstKey: 0, keys: fed.places, mask }]);
    }
  }

  extend(layer: number, part: "key" | "value", states: Tensor): Tensor {
    return this.#cache.append(layer, part, states);
  }

  blocks(window: number | null): readonly AttentionBlock[] {
    const blocks = this.#blocks.get(window);
    if (blocks === undefined) throw new CoxswainError("bug", `no mask was made for a window of ${String(window)}`);
    return blocks;
  }
}
