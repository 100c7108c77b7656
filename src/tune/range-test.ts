/**
 * The curve of a learning-rate range test: each step's loss, smoothed, and where the test stops because the loss diverges.
 * Independent of how a step is computed.
 *
 * Smoothing and rule are those of fastai (`callback/schedule.py`, `LRFinder`) and Lightning (`tuner/lr_finder.py`): an
 * exponential mean with bias correction; the test stops when it exceeds four times its lowest value so far.
 */

export interface CurvePoint {
  /** From 1. */
  readonly step: number;
  readonly learningRate: number;
  /** Nats per supervised token, mean over the global batch, before this step's update. */
  readonly loss: number;
  readonly smoothedLoss: number;
}

export interface RangeTestRules {
  /** The weight of the past in the mean. */
  readonly smoothing: number;
  /** The test stops above this many times the lowest smoothed loss. */
  readonly divergence: number;
}

export const rangeTestRules: RangeTestRules = { smoothing: 0.9, divergence: 4 };

export class RangeTest {
  readonly #rules: RangeTestRules;
  readonly #points: CurvePoint[] = [];
  #mean = 0;
  #lowest = Number.POSITIVE_INFINITY;
  #divergedAt: number | undefined;

  constructor(rules: RangeTestRules) {
    this.#rules = rules;
  }

  get points(): readonly CurvePoint[] {
    return this.#points;
  }

  /** The rate at which the loss was not finite, or exceeded the limit. */
  get divergedAt(): number | undefined {
    return this.#divergedAt;
  }

  /** Adds a step, unless the loss has diverged. @param step from 1, without gaps */
  add(step: number, learningRate: number, loss: number): void {
    if (this.#divergedAt !== undefined) return;
    const { smoothing, divergence } = this.#rules;
    if (!Number.isFinite(loss)) {
      this.diverge(learningRate);
      return;
    }
    this.#mean = smoothing * this.#mean + (1 - smoothing) * loss;
    // As in Adam: the mean starts at 0, which would pull the first values down.
    const smoothedLoss = this.#mean / (1 - smoothing ** step);
    this.#points.push({ step, learningRate, loss, smoothedLoss });
    if (smoothedLoss > divergence * this.#lowest) this.diverge(learningRate);
    this.#lowest = Math.min(this.#lowest, smoothedLoss);
  }

  /** The loss or the gradient was not finite at this rate. */
  diverge(learningRate: number): void {
    this.#divergedAt ??= learningRate;
  }
}
