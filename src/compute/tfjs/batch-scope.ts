/** Attention within a batch of rows: causal, within each example, within the window. */
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import type { Batch } from "../../data/row.js";
import { CoxswainError } from "../../errors.js";
import type { AttentionBlock, AttentionScope } from "./context.js";
import { batchMask, blockRanges } from "./masks.js";

export class BatchScope implements AttentionScope {
  readonly #blocks = new Map<number | null, readonly AttentionBlock[]>();

  /**
   * Creates all masks immediately: every layer uses them, so they belong to the caller's scope of tensors.
   * @param windows the layers' windows
   * @param blocks number of blocks of attention; divides the batch's length
   */
  constructor(batch: Batch, windows: Iterable<number | null>, blocks: number) {
    const { rows, length, segments } = batch;
    for (const window of new Set(windows)) {
      const ranges = blockRanges(length, blocks, window);
      this.#blocks.set(
        window,
        ranges.map((range) => {
          const shape = [rows, 1, range.queries, range.keys];
          return { ...range, mask: tensor(batchMask(segments, rows, range, window), shape, "float32") };
        }),
      );
    }
  }

  extend(_layer: number, _part: "key" | "value", states: Tensor): Tensor {
    return states;
  }

  blocks(window: number | null): readonly AttentionBlock[] {
    const blocks = this.#blocks.get(window);
    if (blocks === undefined) throw new CoxswainError("bug", `no mask was made for a window of ${String(window)}`);
    return blocks;
  }
}
