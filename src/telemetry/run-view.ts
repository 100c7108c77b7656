/** How a run is shown to a person while it goes on. Knows no terminal. */

/** Is told what a run does, as it happens. Its methods must neither throw nor wait. */
export interface RunView {
  /**
   * A step was committed.
   * @param logged whether it is one of `training.logging_steps`, or the last
   */
  step(step: StepView, logged: boolean): void;
  /** A line that stays: a checkpoint was written, a worker was lost. It may have several lines. */
  note(text: string): void;
  /** Why nothing moves ("waiting for workers: 1 of 2"), or undefined when it does. */
  waiting(reason: string | undefined): void;
}

/** A step that has been committed. */
export interface StepView {
  /** From 1. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** Epochs trained, with a fraction. */
  readonly epoch: number;
  /** Nats per supervised token, mean over the global batch. */
  readonly loss: number;
  /** The rate that this step used. */
  readonly learningRate: number;
  /** Norm of the mean gradient before clipping. */
  readonly gradNorm: number;
  /** Of all workers together. */
  readonly tokensPerSecond: number;
  /** Workers that could compute in this step. */
  readonly workers: number;
  /** Seconds of training to the end at the present speed; NaN before it is known. */
  readonly remainingSeconds: number;
}
