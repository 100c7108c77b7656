/** Converts the messages of workers to events of the state machine. Pure. */
import type { TreeNode } from "../../collective/index.js";
import { shardIndex, stepNumber } from "../../ids.js";
import { taskWords, unpackInts } from "../../rpc/index.js";
import type { WorkerMessageOutput } from "../../rpc/index.js";
import type { Event } from "../machine/index.js";

/** Messages without an event of their own only show that the worker is alive. */
export function eventOf(worker: string, message: WorkerMessageOutput): Event {
  const { applied, computed, contribution, sliceReduced, collectFailed } = message;
  if (applied) return { type: "applied", worker, step: stepNumber(applied.step), hash: applied.stateHash };
  const task = computed && taskWords.find(computed.task);
  if (computed && task) {
    const { step, shard, lossSum, supervisedTokens, seconds, generated } = computed;
    return {
      type: "computed",
      worker,
      task,
      step: stepNumber(step),
      result: {
        shard: shardIndex(shard),
        lossSum,
        supervisedTokens,
        seconds,
        ...(task === "generate" ? { generated: generated.map(unpackInts) } : {}),
      },
    };
  }
  if (contribution)
    return {
      type: "contribution",
      worker,
      step: stepNumber(contribution.step),
      node: nodeOf(contribution),
      checksums: contribution.checksums,
    };
  if (sliceReduced)
    return {
      type: "sliceReduced",
      worker,
      step: stepNumber(sliceReduced.step),
      slice: sliceReduced.slice,
      checksum: sliceReduced.checksum,
    };
  if (collectFailed) {
    const { step, slice, source } = collectFailed;
    return { type: "collectFailed", worker, step: stepNumber(step), slice, node: nodeOf(collectFailed), source };
  }
  if (message.resynchronise) return { type: "resynchronise", worker };
  if (message.draining) return { type: "draining", worker };
  if (message.idle) return { type: "idle", worker };
  return { type: "heard", worker };
}

/** A node of the tree of shards. */
export const nodeOf = ({ first, count }: { first: number; count: number }): TreeNode => ({
  first: shardIndex(first),
  count,
});
