/** Compares a disturbed run with the same run undisturbed. Pure: does not know processes or files. */
import { faultKinds } from "./plan.js";
import type { ChaosPlan, FaultKind } from "./plan.js";

/** A line of metrics.jsonl. */
export type MetricsLine = Readonly<Record<string, unknown>>;

/** The first difference between two runs. Values are null if the line does not exist. */
export interface Difference {
  readonly step: number;
  readonly key: string;
  readonly reference: unknown;
  readonly disturbed: unknown;
}

/** The fields of a step's line that depend on its samples and result; times and workers may differ. */
const stepKeys = ["tokens", "supervised_tokens", "epoch", "learning_rate", "loss", "grad_norm"] as const;

/** The fields of evaluations, compared after those of steps. */
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
  /** Null if no commit followed any of them. */
  readonly recovery: Recovery | null;
}

/** Times of faults and of commits, seconds on one clock, each in ascending order. */
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

/** The exact definition of the reported goodput. */
export const goodputDefinition =
  "time of the undisturbed run / time of this one, weighted by the share of the workers that was available; " +
  "a worker is available while it is alive and not frozen, a slow one by its speed; from the first commit to the last";

export interface ChaosReport {
  readonly seed: number;
  readonly workers: number;
  readonly plan: ChaosPlan;
  /** Why the run did not finish; null if it did. */
  readonly failure: string | null;
  /** sha256 of adapter_model.safetensors; null if there is none. */
  readonly adapter: { readonly equal: boolean; readonly reference: string | null; readonly disturbed: string | null };
  readonly steps: {
    readonly expected: number;
    readonly committed: number;
    /** Every step once, with the samples and the loss of the undisturbed run. */
    readonly usedOnce: boolean;
    readonly firstDifference: Difference | null;
    /** Steps that were committed, lost with all processes that had them, and committed again. */
    readonly again: number;
  };
  /** From the first commit to the last. */
  readonly seconds: { readonly reference: number; readonly disturbed: number };
  /** Seconds that all workers at full speed would have needed to match the capacity of the available ones. */
  readonly capacitySeconds: number;
  /** reference seconds / capacity seconds; null if the run did not finish. */
  readonly goodput: number | null;
  readonly faults: readonly FaultSummary[];
  /** Replicas that differed from the coordinator's and were replaced. */
  readonly resynchronised: number;
  /** Processes that ended unexpectedly. */
  readonly surprises: readonly string[];
  /** The folder of all outputs. */
  readonly folder: string;
}

/** 0: the same bits, every sample used once. 1: a difference. 5: not finished. */
export function exitCodeOf({ failure, adapter, steps }: ChaosReport): 0 | 1 | 5 {
  if (failure !== null) return 5;
  return adapter.equal && steps.usedOnce ? 0 : 1;
}
