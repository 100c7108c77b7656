/**
 * The coordinator's own replica: computes the norm of a sum, applies commits, takes over a worker's replica, and publishes
 * a commit once it is stored outside this process.
 */
import type { Clock } from "../../clock.js";
import { CoxswainError, messageOf } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import { globalNorm } from "../../optim/index.js";
import type { Replica } from "../../optim/index.js";
import type { Logger } from "../../telemetry/index.js";
import type { CommitEffect, EffectOf, Event } from "../machine/index.js";
import type { RunRecorder } from "../record/recorder.js";
import type { WorkerSession } from "../service/worker-session.js";
import type { StepSum } from "./step-sum.js";

/** Number of reduced gradients to keep for workers that are a step behind. */
const reducedKept = 2;

export interface OwnReplicaOptions {
  readonly replica: Replica;
  readonly recorder: Pick<RunRecorder, "committing" | "applied">;
  readonly logger: Logger;
  /** Receives the result of a sum, and of taking over a worker's replica. */
  readonly dispatch: (event: Event) => void;
  readonly clock: Pick<Clock, "now">;
}

export class OwnReplica {
  readonly #options: OwnReplicaOptions;
  readonly #reduced = new Map<StepNumber, Float32Array>();
  /** When the sum was complete, ms. */
  #reduceStart = 0;
  /** The record of the newest commit, while no worker has applied it. */
  #unrecorded: { readonly step: StepNumber; readonly record: () => void } | undefined;
  /** The update of the newest commit, while it is not applied to the replica. */
  #toApply: (() => Event) | undefined;

  constructor(options: OwnReplicaOptions) {
    this.#options = options;
  }

  /** The reduced gradient of a recently committed step, [size]. */
  reduced(step: StepNumber): Float32Array | undefined {
    return this.#reduced.get(step);
  }

  /** Takes a step's sum and its norm. */
  reduce({ step, tokens }: EffectOf<"reduce">, sum: Pick<StepSum, "take">): void {
    this.#reduceStart = this.#options.clock.now();
    const vector = sum.take(step);
    this.#reduced.set(step, vector);
    this.#reduced.delete((step - reducedKept) as StepNumber);
    this.#options.dispatch({ type: "reduced", step, gradNorm: globalNorm(vector, 1 / tokens) });
  }

  /** A step is final: its update is ready to be applied. */
  commit(effect: CommitEffect): void {
    const { replica, recorder, clock } = this.#options;
    const { step, learningRate, scale } = effect;
    const gradient = this.#reduced.get(step);
    if (gradient === undefined) throw new CoxswainError("bug", `no reduced gradient for step ${step}`);
    const endedAt = clock.now();
    const timing = { reduceSeconds: (endedAt - this.#reduceStart) / 1000, endedAt };
    this.record(step);
    this.#unrecorded = { step, record: recorder.committing(effect, timing) };
    this.#toApply = () => {
      const start = clock.now();
      replica.apply({ step, gradient, learningRate, scale });
      const hash = replica.hash();
      recorder.applied((clock.now() - start) / 1000);
      return { type: "committed", step, hash };
    };
  }

  /** Applies the newest commit; undefined if it is already applied. */
  apply(): Event | undefined {
    const apply = this.#toApply;
    this.#toApply = undefined;
    return apply?.();
  }

  /** Publishes commits up to `step`: they are in a worker's replica, or on disk. */
  record(step: StepNumber): void {
    if (this.#unrecorded === undefined || this.#unrecorded.step > step) return;
    this.#unrecorded.record();
    this.#unrecorded = undefined;
  }

  /** Takes over the replica of a worker, if it has the state that the worker offered. */
  async adopt(
    { worker, replica: offered }: EffectOf<"adopt">,
    session: Pick<WorkerSession, "replica"> | undefined,
  ): Promise<void> {
    const { replica, logger, dispatch } = this.#options;
    const before = replica.snapshot();
    try {
      const held = await session?.replica(replica.size);
      if (held === undefined) return;
      replica.restore(held.step, held.bytes);
      if (replica.step !== offered.step || replica.hash() !== offered.hash)
        throw new CoxswainError(
          "network",
          `the worker's replica is not the state of step ${offered.step} that it offered`,
        );
      dispatch({ type: "adopted", worker, replica: offered });
    } catch (error) {
      replica.assign(before);
      logger.warn(
        { worker, step: offered.step, error: messageOf(error) },
        "a worker's replica could not be taken over",
      );
      dispatch({ type: "adoptFailed", worker });
    }
  }
}
