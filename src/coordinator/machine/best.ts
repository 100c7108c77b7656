/**
 * The best evaluation so far, and early stopping. Pure.
 *
 * What is decided where:
 * - `withEvaluation` is transformers' rule. An evaluation is the best if its metric is better than that of every earlier
 *   one. The patience counter is reset by an improvement of more than the threshold, otherwise it grows; at the patience,
 *   training stops (`EarlyStoppingCallback`).
 * - agenda.ts: a run that has lost patience begins no further step. It is complete, like a run after its last step.
 * - cluster.ts: the state of a step that is evaluated is saved after its evaluation. If it is the best, it is always
 *   saved, whatever `save_steps` is, and no step begins before it is on disk. So nothing has to be aligned with
 *   `save_steps`, and every state that a worker can offer after a restart comes after a best state that is on disk.
 * - checkpoints/: `save_total_limit` never removes the best one. conclude.ts: with `load_best_model_at_end` the adapter
 *   is made from it.
 *
 * What survives a restart: `BestState` is part of every checkpoint (`trainer_state.json`), with the step of the newest
 * evaluation that it includes. Later evaluations, up to the step that the run resumes from, come from `metrics.jsonl`.
 * Evaluations are sums in a fixed order, so the outcome does not depend on the workers, or on where a run was interrupted.
 */
import type { StepNumber } from "../../ids.js";

/** What evaluations are compared by. */
export type BestMetric = "eval_loss" | "exact_match";

/** The settings, as in the run file's section `training`. */
export interface BestRule {
  readonly metric: BestMetric;
  /** Evaluations without an improvement after which training stops; null: never. */
  readonly patience: number | null;
  /** A smaller improvement does not reset the patience counter. */
  readonly threshold: number;
  /** The final adapter is the best one, so it must be on disk. */
  readonly load: boolean;
}

/** An evaluation's value of the metric; NaN if it is not a number. */
export interface Measurement {
  readonly step: number;
  readonly value: number;
}

export interface BestState {
  /** The newest step whose evaluation is included; 0: none. */
  readonly evaluatedStep: number;
  /** The best evaluation; undefined before the first one with a number. */
  readonly best: Measurement | undefined;
  /** Number of evaluations since the last improvement of more than the threshold. */
  readonly patienceCounter: number;
}

export const notEvaluated: BestState = { evaluatedStep: 0, best: undefined, patienceCounter: 0 };

/** Whether a lower value is better, as in transformers. */
const isLoss = (metric: BestMetric): boolean => metric === "eval_loss";

export function withEvaluation(state: BestState, rule: BestRule, { step, value }: Measurement): BestState {
  const { best, evaluatedStep } = state;
  const before = best?.value ?? (isLoss(rule.metric) ? Infinity : -Infinity);
  const isBetter = isLoss(rule.metric) ? value < before : value > before;
  const improves = evaluatedStep === 0 || (isBetter && Math.abs(value - before) > rule.threshold);
  return {
    evaluatedStep: step,
    best: isBetter ? { step, value } : best,
    patienceCounter: improves ? 0 : state.patienceCounter + 1,
  };
}

export interface BestSettings {
  readonly rule: BestRule;
  /** Of the checkpoint that the run resumes from. */
  readonly before: BestState;
  /** Evaluations on record, in order. */
  readonly recorded: readonly Measurement[];
}

export class BestSoFar {
  readonly #settings: BestSettings | undefined;
  #state = notEvaluated;

  /** @param settings undefined if no metric is compared @param start the step that the run resumes from */
  constructor(settings: BestSettings | undefined, start: StepNumber) {
    this.#settings = settings;
    this.resume(start);
  }

  /** The run resumes after this step: later evaluations are void. */
  resume(step: StepNumber): void {
    if (this.#settings === undefined) return;
    const { rule, before, recorded } = this.#settings;
    this.#state = recorded
      .filter((each) => each.step > before.evaluatedStep && each.step <= step)
      .reduce((state, each) => withEvaluation(state, rule, each), before);
  }

  /** Undefined if no metric is compared. */
  get state(): BestState | undefined {
    return this.#settings === undefined ? undefined : this.#state;
  }

  get metric(): BestMetric | undefined {
    return this.#settings?.rule.metric;
  }

  /** The run cannot end as its settings say without the best state on disk. */
  get isRequired(): boolean {
    return this.#settings?.rule.load === true;
  }

  /** Training stops: the metric has not improved for too long. */
  get patienceIsLost(): boolean {
    const patience = this.#settings?.rule.patience ?? null;
    return patience !== null && this.#state.evaluatedStep > 0 && this.#state.patienceCounter >= patience;
  }

  /** The step's state is the best so far. */
  is(step: StepNumber): boolean {
    return this.#state.best?.step === step;
  }

  evaluated(measurement: Measurement): void {
    if (this.#settings !== undefined) this.#state = withEvaluation(this.#state, this.#settings.rule, measurement);
  }
}
