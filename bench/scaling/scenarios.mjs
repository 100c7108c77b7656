/** The scenarios of docs/scaling.md. */

/** Bytes a second each way, and seconds there and back. */
export const links = {
  lan: { bandwidth: 10e9 / 8, roundTrip: 0.2e-3 },
  wan: { bandwidth: 1e9 / 8, roundTrip: 10e-3 },
};

/** Reducers of a mesh, as `reducersRule` of src/coordinator/gradient/all-reduce.ts has it for `all_reduce: mesh`. */
export const reducersOf = (workers, floats) =>
  Math.min(workers, Math.max(2, Math.round(Math.sqrt((workers * floats * 4) / (512 * 1024)))));

/**
 * A step of 1 s of computing, two shards a worker, each of them a row of 1024 tokens; workers take up to 1 % more or less
 * from step to step.
 * @returns {import("./simulate.mjs").Scenario}
 */
export function scenarioOf({ workers, floats, dtype, link, scheme, steps = 2 }) {
  return {
    workers,
    shards: 2 * workers,
    floats,
    dtype,
    link,
    reducers: scheme === "mesh" ? reducersOf(workers, floats) : 0,
    computeSeconds: 1,
    jitter: 0.01,
    shardBytes: 8192,
    steps,
    pieceBytes: floats > 20e6 ? 2 ** 20 : 256 * 1024,
  };
}
