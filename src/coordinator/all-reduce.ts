/** Whether a step's gradients are better summed by the coordinator or by the workers. Pure. */
import type { RunConfig } from "../config/index.js";

/**
 * From here on the mesh is faster (bench/all-reduce.mjs, docs/scaling.md): with two workers each would still move as much
 * as the coordinator does, and small gradients cost more messages than bytes.
 */
const meshFrom = { workers: 3, elements: 500_000 };

/**
 * Bytes of contributions that one reducer sums a step before another one pays: every further one costs the coordinator a
 * message to each worker and a pull.
 */
const bytesPerReducer = 8 * 1024 * 1024;

/**
 * @param size elements of the flat gradient
 * @returns how many of so many workers that can reach one another sum a slice; 0: the coordinator sums
 */
export function reducersRule(mode: RunConfig["cluster"]["all_reduce"], size: number): (workers: number) => number {
  return (workers) => {
    const pays = mode === "mesh" ? workers >= 2 : workers >= meshFrom.workers && size >= meshFrom.elements;
    if (mode === "star" || !pays) return 0;
    return Math.min(workers, Math.max(2, Math.ceil((workers * size * 4) / bytesPerReducer)));
  };
}
