/** Whether a step's gradients are better summed by the coordinator or by the workers. Pure. */
import type { RunConfig } from "../../config/index.js";

/** The star's coordinator moves a gradient a worker: from so many elements on the mesh is faster (docs/scaling.md). */
const meshFrom = 1_000_000;

/**
 * A reducer more makes slices smaller, and costs every worker and the coordinator a pull: what a pull costs, in bytes that
 * could be moved meanwhile.
 */
const bytesPerPull = 512 * 1024;

/**
 * @param size elements of the flat gradient
 * @returns how many of so many workers that can reach one another sum a slice; 0: the coordinator sums
 */
export function reducersRule(mode: RunConfig["cluster"]["all_reduce"], size: number): (workers: number) => number {
  return (workers) => {
    const pays = workers >= 2 && (mode === "mesh" || (workers - 1) * size >= meshFrom);
    if (mode === "star" || !pays) return 0;
    // The least of (workers x size / reducers) and (reducers x what a pull costs) together.
    return Math.min(workers, Math.max(2, Math.round(Math.sqrt((workers * size * 4) / bytesPerPull))));
  };
}
