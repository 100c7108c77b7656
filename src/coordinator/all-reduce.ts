/** Whether a step's gradients are better summed by the coordinator or by the workers. Pure. */
import type { RunConfig } from "../config/index.js";

/**
 * From here on the mesh is faster (bench/all-reduce.mjs, docs/scaling.md): with two workers each would still move as much
 * as the coordinator does, and small gradients cost more messages than bytes.
 */
const meshFrom = { workers: 3, elements: 500_000 };

/**
 * @param size elements of the flat gradient
 * @returns whether so many workers that can reach one another reduce among themselves
 */
export function meshRule(mode: RunConfig["cluster"]["all_reduce"], size: number): (reducers: number) => boolean {
  switch (mode) {
    case "star":
      return () => false;
    case "mesh":
      return (reducers) => reducers >= 2;
    case "auto":
      return (reducers) => reducers >= meshFrom.workers && size >= meshFrom.elements;
  }
}
