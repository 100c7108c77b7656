import { describe, expect, it } from "vitest";
import { attentionBlocks, chunkLimit, lossChunks } from "../../../src/compute/batch/chunks.js";
import { collate } from "../../../src/data/row.js";

const row = (labels: number[]) => {
  return { inputIds: Int32Array.from(labels, Math.abs), labels: Int32Array.from(labels), segments: [labels.length] };
};
const batch = collate([row([5, -100, 6, 7]), row([8, 9, -100, 3, 4])]);

describe("the loss counts exactly the supervised tokens", () => {
  it("in one chunk", () => {
    // Targets are the labels one place on; rows are padded to 8.
    const { supervised, chunks, chunk, tokens, targets, weights } = lossChunks(batch, 100);
    expect({ supervised, chunks, chunk }).toEqual({ supervised: 5, chunks: 1, chunk: 5 });
    expect([...tokens]).toEqual([1, 2, 8, 10, 11]);
    expect([...targets]).toEqual([6, 7, 9, 3, 4]);
    expect([...weights]).toEqual([1, 1, 1, 1, 1]);
  });

  it("in equal chunks, padded with zero weights that give no gradient", () => {
    const { chunks, chunk, tokens, targets, weights, places } = lossChunks(batch, 2);
    expect({ chunks, chunk }).toEqual({ chunks: 3, chunk: 2 });
    expect([...tokens]).toEqual([1, 2, 8, 10, 11, 0]);
    expect([...targets]).toEqual([6, 7, 9, 3, 4, 0]);
    expect([...weights]).toEqual([1, 1, 1, 1, 1, 0]);
    expect([...places]).toEqual([6, 0, 1, 6, 6, 6, 6, 6, 2, 6, 3, 4, 6, 6, 6, 6]);
  });
});

describe("memory is bounded", () => {
  it("logits of a large vocabulary are computed in chunks", () => {
    expect(chunkLimit(49152)).toBe(341);
    expect(chunkLimit(151936)).toBe(110);
    expect(chunkLimit(1_000_000)).toBe(64);
  });

  it.each([
    [8, 1],
    [120, 1],
    [128, 2],
    [200, 2],
    [256, 4],
    [1024, 16],
    [8192, 16],
  ])("attention over %d positions is split into %d blocks of at least 64", (length, blocks) => {
    expect(attentionBlocks(length)).toBe(blocks);
    expect(length % blocks).toBe(0);
  });
});
