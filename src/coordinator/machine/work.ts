/**
 * The step or evaluation in flight, of which there is at most one: its shards (round.ts), who is to compute them
 * (leasing.ts) and how a step's sums come together (reduction.ts); what the workers say of these, and what a worker that
 * goes or is late leaves to others. Knows neither what comes after it nor why a worker goes.
 */
import type { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import { stepNumber } from "../../ids.js";
import { assign, expire, revoke } from "./leasing.js";
import type { MayTake } from "./leasing.js";
import { whyNotFinite } from "./not-finite.js";
import { slicesOf } from "./mesh.js";
import { Reduction } from "./reduction.js";
import type { Roster } from "./roster.js";
import { Round } from "./round.js";
import type { CommitEffect, Effect, EffectOf, EventOf, MachineSettings, Task, WorkerId } from "./types.js";
import { measure, progressed } from "./workers.js";
import type { WorkerRecord } from "./workers.js";

/** What a reducer may take once everything is there to be summed: ms, and bytes a ms. */
const reducerGrace = 3_000;
const reducerRate = 10_000;

/** The settings of `MachineSettings` that say what a step is. */
type WorkSettings = Pick<
  MachineSettings,
  | "shardsOf"
  | "evaluationShards"
  | "gradientSize"
  | "sliceBlock"
  | "reducers"
  | "learningRate"
  | "clipCoefficient"
  | "float16"
  | "freshAdapter"
>;

export class Work {
  readonly #settings: WorkSettings;
  readonly #roster: Roster;
  #round: Round | undefined;
  /** A step has one, an evaluation has none. */
  #reduction: Reduction | undefined;
  /** The step whose state the shards are computed with. */
  #base: StepNumber | undefined;
  #meshed = false;

  constructor(settings: WorkSettings, roster: Roster) {
    this.#settings = settings;
    this.#roster = roster;
  }

  /** Undefined where nothing is in flight. */
  get round(): Round | undefined {
    return this.#round;
  }

  get task(): Task | undefined {
    return this.#round?.task;
  }

  /** How far the evaluation in flight is, in shards. */
  get evaluated(): { readonly done: number; readonly total: number } | undefined {
    const round = this.#round;
    return round?.task === "evaluate" ? { done: round.held, total: round.size } : undefined;
  }

  /** Nobody computes it, and something is missing still. */
  get stalled(): boolean {
    return this.#round?.closed === false && this.#roster.active.length === 0;
  }

  /** The newest step was begun with workers as its reducers. */
  get meshed(): boolean {
    return this.#meshed;
  }

  /** @param base the step whose state it is computed with */
  begin(task: Task, base: StepNumber, now: number): Effect[] {
    const { evaluationShards, gradientSize, sliceBlock, shardsOf } = this.#settings;
    this.#base = base;
    if (task === "evaluate") {
      this.#round = new Round(task, base, evaluationShards, now);
      return [];
    }
    const step = stepNumber(base + 1);
    this.#round = new Round(task, step, shardsOf(step), now);
    // Everyone who computes must be reachable for the reducers.
    const able = this.#roster.active.every(({ reachable }) => reachable) ? this.#roster.reducers : [];
    const reducers = able.slice(0, this.#settings.reducers(able.length));
    const slices = slicesOf(gradientSize, reducers.length, sliceBlock);
    this.#reduction = new Reduction(this.#round, slices, reducers, now);
    this.#meshed = this.#reduction.meshed;
    return this.#reduction.start();
  }

  end(): void {
    this.#round = undefined;
    this.#reduction = undefined;
  }

  /** Leases what nobody has, and lets those who have nothing take from those who would be last. */
  assign(mayTake: MayTake, now: number): Effect[] {
    const round = this.#round;
    if (round === undefined) return [];
    const { active } = this.#roster;
    if (this.#reduction?.meshed !== true) return assign(round, active, mayTake, now);
    const reachable = active.filter((worker) => worker.reachable);
    if (reachable.length > 0 || active.length === 0) return assign(round, reachable, mayTake, now);
    return [
      ...this.#reduction.toStar("no worker that others can reach is left"),
      ...assign(round, active, mayTake, now),
    ];
  }

  // ---------------------------------------------------------------- what is said of it

  /** @returns what the evaluation has come to, where this was its last shard */
  computed(
    worker: WorkerRecord,
    { task, step, result }: EventOf<"computed">,
    now: number,
  ): EffectOf<"evaluated"> | undefined {
    const round = this.#roundOf(task, step);
    if (round === undefined || worker.applied !== this.#base || !round.compute(worker.id, result)) return undefined;
    progressed(worker, now);
    measure(worker, result);
    if (task === "train") return undefined;
    round.holdResult(result);
    if (!round.complete) return undefined;
    const { lossSum, supervisedTokens: tokens } = round.totals();
    this.end();
    return { type: "evaluated", step, loss: lossSum / tokens, tokens };
  }

  contribution(worker: WorkerRecord, { step, node }: EventOf<"contribution">, now: number): Effect[] {
    if (this.#roundOf("train", step)?.announce(worker.id, node) !== true) return [];
    progressed(worker, now);
    return this.#reduction?.announced(worker.id, node) ?? [];
  }

  received(event: EventOf<"received">, now: number): Effect[] {
    return this.#reductionOf(event)?.received(event, now) ?? [];
  }

  /** @returns how many shards nobody has now; undefined where nothing was expected of the worker */
  receiveFailed({ worker, step, node }: EventOf<"receiveFailed">): number | undefined {
    return this.#roundOf("train", step)?.withdraw(worker, node);
  }

  sliceReduced(event: EventOf<"sliceReduced">): Effect[] {
    return this.#reductionOf(event)?.sliceReduced(event) ?? [];
  }

  gathered(event: EventOf<"gathered">, now: number): Effect[] {
    return this.#reductionOf(event)?.gathered(event, now) ?? [];
  }

  collectFailed(event: EventOf<"collectFailed">): Effect[] {
    return this.#reductionOf(event)?.collectFailed(event) ?? [];
  }

  gatherFailed(event: EventOf<"gatherFailed">, now: number): Effect[] {
    return this.#reductionOf(event)?.gatherFailed(event, this.#roster.reducers, now) ?? [];
  }

  /** @returns the commit, or why there is none; undefined where no sum was waited for */
  reduced({ step, gradNorm }: EventOf<"reduced">): CommitEffect | CoxswainError | undefined {
    const round = this.#roundOf("train", step);
    if (round?.closedAt === undefined) return undefined;
    const { learningRate, clipCoefficient, float16, freshAdapter = false } = this.#settings;
    const { lossSum, supervisedTokens } = round.totals();
    const loss = lossSum / supervisedTokens;
    const error = whyNotFinite({ step, loss, gradNorm, float16, freshAdapter });
    if (error !== undefined) return error;
    return {
      type: "commit",
      step,
      learningRate: learningRate(step),
      scale: clipCoefficient(gradNorm) / supervisedTokens,
      loss,
      gradNorm,
      supervisedTokens,
      workers: this.#roster.in("synchronising", "active", "draining").map(({ id }) => id),
      slices: this.#reduction?.slices ?? [],
      activeWorkers: this.#roster.active.length,
      shards: round.size,
      startedAt: round.startedAt,
      computedAt: round.closedAt,
    };
  }

  // ---------------------------------------------------------------- who leaves something to others

  /** Whether something would be lost, or a sum not be given out, if a worker went now. */
  needs(id: WorkerId): boolean {
    return this.#round !== undefined && (this.#round.closed || this.#round.dependsOn(id));
  }

  /** Takes back all that a worker was to compute, or has. */
  release(id: WorkerId, reason: string): Effect[] {
    const count = this.#round?.closed === false ? this.#round.release(id) : 0;
    return count > 0 ? [{ type: "lost", worker: id, count, late: false, reason }] : [];
  }

  /** Gives a worker's slices to others. */
  reassign(id: WorkerId, now: number): Effect[] {
    return this.#reduction?.reassign(id, this.#roster.reducers, now) ?? [];
  }

  /** A worker keeps the shard that it has begun; the rest goes to others. */
  drain(id: WorkerId, now: number): Effect[] {
    const round = this.#round;
    if (round === undefined || round.closed) return [];
    return [...revoke(round, id, round.queue(id).slice(1), false), ...this.reassign(id, now)];
  }

  /** Takes from those who are late what they have not computed or summed. */
  expire(now: number): Effect[] {
    const round = this.#round;
    if (round === undefined) return [];
    const expired = expire(round, this.#roster.in("active", "draining"), now);
    const timeout = reducerGrace + (this.#settings.gradientSize * 4) / reducerRate;
    const late = this.#reduction?.lateReducers(now, timeout) ?? [];
    const moved = late.flatMap((id) => {
      const worker = this.#roster.get(id);
      if (worker !== undefined) worker.lateReducer = true;
      return this.reassign(id, now);
    });
    return [...expired, ...moved];
  }

  #roundOf(task: Task, step: StepNumber): Round | undefined {
    return this.#round?.task === task && this.#round.step === step ? this.#round : undefined;
  }

  #reductionOf({ step }: { readonly step: StepNumber }): Reduction | undefined {
    return this.#roundOf("train", step) && this.#reduction;
  }
}
