/** Generates a random cluster with random faults from a seed. */
import type { SimulationOptions } from "./cluster.js";

/** Random numbers in [0, 1), reproducible from the seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  // Mixed with splitmix32, so that adjacent seeds give unrelated sequences.
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

export function randomCluster(seed: number): SimulationOptions {
  const random = generator(seed);
  const oneOf = <T>(...values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const mesh = oneOf(true, false);
  return {
    settings: {
      totalSteps: 10,
      saveSteps: 2,
      shards: 1 + Math.floor(random() * 24),
      evalSteps: 3,
      evaluationShards: 3,
      reducers: (count) => (mesh ? count : 0),
    },
    random,
    workers: Array.from({ length: 1 + Math.floor(random() * 7) }, () => oneOf(0.1, 0.3, 1)),
    dtype: oneOf("float32", "float32", "bfloat16"),
    latency: oneOf([0.2, 2] as const, [5, 200] as const),
    unreachable: oneOf([], [], [0], [1]),
    late: oneOf(0, 0, 0.01),
    lateBy: oneOf(500, 8_000),
    losses: oneOf(0, 0.05),
    slowApply: oneOf(0, 0, 0.1),
    deathsEvery: oneOf(undefined, 3_000, 20_000),
    vanishing: oneOf(0, 0.3),
    freezesEvery: oneOf(undefined, 5_000),
    freezeFor: oneOf(1_000, 8_000, 20_000),
    drainsEvery: oneOf(undefined, undefined, 10_000),
    breaksEvery: oneOf(undefined, undefined, 4_000),
    coordinatorDeathsEvery: oneOf(undefined, 8_000, 25_000),
    coordinatorFreezesEvery: oneOf(undefined, undefined, 15_000),
    powerCutsEvery: oneOf(undefined, undefined, 9_000),
    pausesEvery: oneOf(undefined, 2_500, 9_000),
    pauseFor: oneOf(50, 4_000, 40_000),
    checkpointsEvery: oneOf(undefined, 400, 5_000),
    faultsUntil: 60_000,
  };
}
