/** Decides whether the coordinator (star) or the workers (mesh) sum a step's gradients. Pure. */
import type { RunConfig } from "../../config/index.js";

/** In the star, the coordinator receives a gradient per worker: from this many elements on, the mesh is faster (docs/scaling.md). */
const meshFrom = 1_000_000;

/**
 * The cost of a pull, in bytes that could be moved in the same time. An additional reducer makes slices smaller, but costs
 * every worker and the coordinator a pull.
 */
const bytesPerPull = 512 * 1024;

/**
 * @param size elements of the flat gradient
 * @returns how many of the mutually reachable workers sum a slice; 0: the coordinator sums
 */
export function reducersRule(mode: RunConfig["cluster"]["all_reduce"], size: number): (workers: number) => number {
  return (workers) => {
    const pays = workers >= 2 && (mode === "mesh" || (workers - 1) * size >= meshFrom);
    if (mode === "star" || !pays) return 0;
    // Minimises (workers x size / reducers) + (reducers x cost of a pull).
    return Math.min(workers, Math.max(2, Math.round(Math.sqrt((workers * size * 4) / bytesPerPull))));
  };
}
