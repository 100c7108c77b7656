/** What a disturbed run is held against: the same run undisturbed. Pure: knows numbers, not processes or files. */
import { faultKinds } from "./plan.js";
import type { ChaosPlan, FaultKind } from "./plan.js";

/** A line of metrics.jsonl. */
export type MetricsLine = Readonly<Record<string, unknown>>;

/** The first place at which two runs differ. Values are null where there is no such line. */
export interface Difference {
  readonly step: number;
  readonly key: string;
  readonly reference: unknown;
  readonly disturbed: unknown;
}

/** What of a step's line tells which samples were used, and what came of it; times and workers may differ. */
const stepKeys = ["tokens", "supervised_tokens", "epoch", "learning_rate", "loss", "grad_norm"] as const;

/** Of evaluations, after those of steps. */
const evaluationKeys = ["eval_loss"] as const;

/**
 * Whether every step was committed once, in order, with the same samples and results.
 * @returns the first difference, or undefined
 */
export function compareSteps(
  reference: readonly MetricsLine[],
  disturbed: readonly MetricsLine[],
): Difference | undefined {
  const compare = (key: string, keys: readonly string[]): Difference | undefined => {
    const expected = reference.filter((line) => line[key] !== undefined);
    const found = disturbed.filter((line) => line[key] !== undefined);
    for (let index = 0; index < Math.max(expected.length, found.length); index++) {
      const [a, b] = [expected[index], found[index]];
      const step = Number(a?.["step"] ?? b?.["step"]);
      for (const name of ["step", ...keys])
        if (a?.[name] !== b?.[name])
          return { step, key: name, reference: a?.[name] ?? null, disturbed: b?.[name] ?? null };
    }
    return undefined;
  };
  return compare("loss", stepKeys) ?? compare("eval_loss", evaluationKeys);
}

/** Seconds from a fault to the next commit. */
export interface Recovery {
  readonly median: number;
  readonly maximum: number;
}

export interface FaultSummary {
  readonly fault: FaultKind;
  readonly count: number;
  /** Null where no commit came after any of them. */
  readonly recovery: Recovery | null;
}

/** Times of faults and commits on one clock, seconds, each in order. */
export function summarize(
  faults: readonly { readonly fault: FaultKind; readonly seconds: number }[],
  commits: readonly number[],
): FaultSummary[] {
  return faultKinds.flatMap((kind) => {
    const times = faults.filter(({ fault }) => fault === kind).map(({ seconds }) => seconds);
    const waits = times.flatMap((time) => {
      const next = commits.find((commit) => commit > time);
      return next === undefined ? [] : [next - time];
    });
    return times.length === 0 ? [] : [{ fault: kind, count: times.length, recovery: recoveryOf(waits) }];
  });
}

function recoveryOf(waits: readonly number[]): Recovery | null {
  const sorted = [...waits].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? 0;
  if (sorted.length === 0) return null;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    maximum: at(sorted.length - 1),
  };
}

/** In words, and exactly: the figure that has this name is computed so. */
export const goodputDefinition =
  "time of the undisturbed run / time of this one, weighted with the share of the workers that was there; " +
  "a worker is there while it is alive and not frozen, a slow one by its speed; from the first commit to the last";

export interface ChaosReport {
  readonly seed: number;
  readonly workers: number;
  readonly plan: ChaosPlan;
  /** Why the run did not come to its end; null where it did. */
  readonly failure: string | null;
  /** sha256 of adapter_model.safetensors; null where there is none. */
  readonly adapter: { readonly equal: boolean; readonly reference: string | null; readonly disturbed: string | null };
  readonly steps: {
    readonly expected: number;
    readonly committed: number;
    /** Every step once, with the samples and the loss of the undisturbed run. */
    readonly usedOnce: boolean;
    readonly firstDifference: Difference | null;
    /** Steps that were committed, lost with all who had them, and committed again. */
    readonly again: number;
  };
  /** From the first commit to the last. */
  readonly seconds: { readonly reference: number; readonly disturbed: number };
  /** Seconds that all workers at full speed would have taken to do what the ones that were there could do. */
  readonly capacitySeconds: number;
  /** reference seconds / capacity seconds; null where the run did not finish. */
  readonly goodput: number | null;
  readonly faults: readonly FaultSummary[];
  /** Replicas that differed from the coordinator's and were replaced. */
  readonly resynchronised: number;
  /** Processes that ended though nobody killed them. */
  readonly surprises: readonly string[];
  /** Everything is in it. */
  readonly folder: string;
}

/** 0: the same bits, every sample used once. 1: not so. 5: not finished. */
export function exitCodeOf({ failure, adapter, steps }: ChaosReport): 0 | 1 | 5 {
  if (failure !== null) return 5;
  return adapter.equal && steps.usedOnce ? 0 : 1;
}
