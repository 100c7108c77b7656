/**
 * Which sums are computed by two workers (`cluster.verify`). Pure: a function of a key, the step and the sum's first
 * shard. The key is the coordinator's secret: a worker cannot know which of its sums will be verified. The adapter does
 * not depend on it.
 */
import { createHmac } from "node:crypto";
import type { ShardIndex, StepNumber } from "../../ids.js";

/** Whether a step's sum that begins with this shard is verified. */
export type Verifies = (step: StepNumber, first: ShardIndex) => boolean;

/**
 * Each sum is chosen with probability `share`, whatever its size: so that is the share of shards that are computed twice.
 * @param share 0 to 1
 */
export function verifyRule(share: number, key: Uint8Array): Verifies {
  if (share <= 0) return () => false;
  return (step, first) => {
    const digest = createHmac("sha256", key).update(`${step}:${first}`).digest();
    return digest.readUInt32BE(0) < share * 2 ** 32;
  };
}
