/**
 * Decides the number of compute threads per worker. A matrix product with few columns splits its sums depending on the
 * number of threads, which changes the last bits. A run therefore has one number for all machines, and the number of
 * workers must not influence it if that would change bits (docs/determinism.md, "Threads").
 */
import type { RunConfig } from "../../config/index.js";
import type { HostLimits } from "../../host/index.js";

export interface ThreadsOptions {
  /** Whether `workers` workers are started on this machine. */
  readonly localWorkers: boolean;
  readonly host: Pick<HostLimits, "cores" | "coresText">;
  /** Maximum number of threads that gives the bits of one thread. */
  readonly sameBitsUpTo: () => number;
}

export interface ChosenThreads {
  readonly config: RunConfig;
  /** The reason of the choice; undefined if the run file sets the number. */
  readonly reason: string | undefined;
}

/** Resolves "auto" from the cores of this machine. */
export function withThreads(config: RunConfig, options: ThreadsOptions): ChosenThreads {
  if (config.compute.threads !== "auto") return { config, reason: undefined };
  const { threads, why } = choose(config, options);
  return {
    config: withNumber(config, threads),
    reason: `${threads} ${threads === 1 ? "thread" : "threads"} per worker: ${why} (compute.threads, part of the run)`,
  };
}

/**
 * Resolves "auto" of a resumed run to the number that it was started with.
 * @param before the settings that the run was started with, if known
 * @param cores used if they are not known
 */
export function withThreadsBefore(config: RunConfig, before: RunConfig | undefined, cores: number): RunConfig {
  if (config.compute.threads !== "auto") return config;
  const earlier = before?.compute.threads;
  return withNumber(config, earlier === undefined || earlier === "auto" ? cores : earlier);
}

const withNumber = (config: RunConfig, threads: number): RunConfig => ({
  ...config,
  compute: { ...config.compute, threads },
});

interface Choice {
  readonly threads: number;
  readonly why: string;
}

function choose(
  { workers }: RunConfig,
  { localWorkers, host: { cores, coresText }, sameBitsUpTo }: ThreadsOptions,
): Choice {
  if (!localWorkers || workers < 2 || cores < 2) return { threads: cores, why: `this machine has ${coresText}` };
  const share = Math.max(1, Math.floor(cores / workers));
  const shared = `${workers} workers share ${coresText}`;
  if (cores <= sameBitsUpTo()) return { threads: share, why: shared };
  return {
    threads: cores,
    why: `${shared}; ${share} may be faster, but changes the last bits of this model's adapter`,
  };
}

/**
 * The maximum number of threads for which ONNX Runtime's CPU kernels give the bits of one thread. They split a product
 * with more columns than rows into one slice of columns (a multiple of 16) per thread; a slice of 64 or fewer columns
 * sums over longer stretches.
 * @param widths features in and out of the model's matrices, all that can be the columns of a product
 */
export function sameBitsThreads(widths: readonly number[]): number {
  return Math.max(1, Math.floor(Math.min(...widths) / narrowest));
}

/** The least slice, a multiple of 16, that is wider than 64. */
const narrowest = 80;
