/** The scenarios of docs/scaling.md. */
import type { VectorDtype } from "../../src/collective/index.js";
import { reducersRule } from "../../src/coordinator/gradient/all-reduce.js";

export interface Link {
  /** Bytes per second, each way. */
  readonly bandwidth: number;
  /** Seconds. */
  readonly roundTrip: number;
}

export interface Scenario {
  readonly workers: number;
  /** Shards of a step. */
  readonly shards: number;
  /** Elements of the gradient. */
  readonly floats: number;
  readonly dtype: VectorDtype;
  readonly link: Link;
  /** 0: star. */
  readonly reducers: number;
  /** Of a step. */
  readonly computeSeconds: number;
  /** Share by which a worker's computation differs from step to step, either way. */
  readonly jitter: number;
  /** Bytes of a leased shard's rows. */
  readonly shardBytes: number;
  /** Size of the pieces in which bulk is simulated, bytes. */
  readonly pieceBytes?: number;
  /** Number of steps that are measured. Default 3. */
  readonly steps?: number;
}

export const links = {
  lan: { bandwidth: 10e9 / 8, roundTrip: 0.2e-3 },
  wan: { bandwidth: 1e9 / 8, roundTrip: 10e-3 },
} as const satisfies Record<string, Link>;

/** Reducers for `all_reduce: mesh`. */
export const reducersOf = (workers: number, floats: number): number => reducersRule("mesh", floats)(workers);

/**
 * A step of 1 s of computing, two shards per worker, each of one row of 1024 tokens; workers take up to 1 % more or less
 * from step to step.
 */
export function scenarioOf({
  workers,
  floats,
  dtype,
  link,
  scheme,
  steps = 2,
}: Pick<Scenario, "workers" | "floats" | "dtype" | "link" | "steps"> & { readonly scheme: "star" | "mesh" }): Scenario {
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
