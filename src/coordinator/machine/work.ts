/**
 * The step or evaluation in flight, of which there is at most one: its shards (round.ts), their leases (leasing.ts) and
 * the reduction of a step's sums (reduction.ts). Handles what workers report about them, and the work that a leaving or
 * late worker leaves to others. Independent of what comes next and of why a worker leaves.
 */
import type { TreeNode } from "../../collective/index.js";
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
import { Verification } from "./verification.js";
import { changeKind, measure, progressed } from "./workers.js";
import type { WorkerRecord } from "./workers.js";

/** Time limit of a reducer that can pull all sums: a grace period, ms, plus the gradient at this rate, bytes per ms. */
const reducerGrace = 3_000;
const reducerRate = 10_000;

/** The settings of `MachineSettings` that define a step. */
type WorkSettings = Pick<
  MachineSettings,
  | "shardsOf"
  | "evaluationShards"
  | "generationShards"
  | "gradientSize"
  | "sliceBlock"
  | "reducers"
  | "learningRate"
  | "clipCoefficient"
  | "float16"
  | "freshAdapter"
  | "verifies"
>;

/** A complete part of an evaluation: its loss, or its answers by shard. */
export type Measured =
  | { readonly task: "evaluate"; readonly step: StepNumber; readonly loss: number }
  | {
      readonly task: "generate";
      readonly step: StepNumber;
      readonly generated: readonly (readonly Int32Array[])[];
    };

export class Work {
  readonly #settings: WorkSettings;
  readonly #roster: Roster;
  #round: Round | undefined;
  /** Undefined for an evaluation. */
  #reduction: Reduction | undefined;
  /** Undefined unless sums of the step are verified. */
  #verification: Verification | undefined;
  /** The step whose state the shards are computed with. */
  #base: StepNumber | undefined;
  #meshed = false;
  /** Generating takes other times than computing. */
  #kind: "compute" | "generate" = "compute";

  constructor(settings: WorkSettings, roster: Roster) {
    this.#settings = settings;
    this.#roster = roster;
  }

  /** Undefined if nothing is in flight. */
  get round(): Round | undefined {
    return this.#round;
  }

  get task(): Task | undefined {
    return this.#round?.task;
  }

  /** Progress of the evaluation in flight, in shards. */
  get evaluated(): { readonly done: number; readonly total: number } | undefined {
    const round = this.#round;
    return round === undefined || round.task === "train" ? undefined : { done: round.held, total: round.size };
  }

  /** An evaluation is in flight. */
  get evaluates(): boolean {
    return this.#round !== undefined && this.#round.task !== "train";
  }

  /** The round is incomplete, and no worker is active to compute it. */
  get stalled(): boolean {
    return this.#round?.closed === false && this.#roster.active.length === 0;
  }

  /** The newest step began with workers as reducers (mesh). */
  get meshed(): boolean {
    return this.#meshed;
  }

  /** @param base the step whose state the task is computed with */
  begin(task: Task, base: StepNumber, now: number): Effect[] {
    const { evaluationShards, generationShards = 0, gradientSize, sliceBlock, shardsOf, verifies } = this.#settings;
    this.#base = base;
    this.#changeKind(task === "generate" ? "generate" : "compute");
    if (task !== "train") {
      this.#round = new Round(task, base, task === "evaluate" ? evaluationShards : generationShards, now);
      return [];
    }
    const step = stepNumber(base + 1);
    // Reducers must be able to reach every worker that computes. The coordinator compares sums that are verified.
    const meshes = verifies === undefined && this.#roster.active.every(({ reachable }) => reachable);
    const able = meshes ? this.#roster.reducers : [];
    const reducers = able.slice(0, this.#settings.reducers(able.length));
    const slices = slicesOf(gradientSize, reducers.length, sliceBlock);
    const offsets = reducers.length < 2 ? [] : slices.map(({ offset }) => offset);
    this.#round = new Round(task, step, shardsOf(step), now, offsets);
    this.#reduction = new Reduction(this.#round, slices, reducers, now);
    this.#verification = verifies && new Verification(this.#round, this.#roster, verifies);
    this.#meshed = this.#reduction.meshed;
    return this.#reduction.start();
  }

  #changeKind(kind: "compute" | "generate"): void {
    if (kind === this.#kind) return;
    this.#kind = kind;
    for (const worker of this.#roster.all) changeKind(worker);
  }

  end(): void {
    this.#changeKind("compute");
    this.#round = undefined;
    this.#reduction = undefined;
    this.#verification = undefined;
  }

  /** Leases unleased shards, and lets idle workers take shards from those that are expected to finish last. */
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

  // ---------------------------------------------------------------- reports about the round

  /** @returns the result of an evaluation's loss or of its answers, if this was the last shard */
  computed(worker: WorkerRecord, { task, step, result }: EventOf<"computed">, now: number): Measured | undefined {
    const round = this.#roundOf(task, step);
    if (round === undefined || worker.applied !== this.#base) return undefined;
    const isRepeated = task === "train" && this.#verification?.computed(worker.id, result) === true;
    if (!isRepeated && !round.compute(worker.id, result)) return undefined;
    progressed(worker, now);
    measure(worker, result);
    if (task === "train") return undefined;
    round.holdResult(result);
    if (!round.complete) return undefined;
    if (task === "generate") {
      // Open until the answers are compared: nothing else begins.
      round.closedAt = now;
      return { task, step, generated: round.generated() };
    }
    const { lossSum, supervisedTokens: tokens } = round.totals();
    this.end();
    return { task, step, loss: lossSum / tokens };
  }

  /** The answers of an evaluation are compared. @returns whether that evaluation is in flight */
  scored(step: StepNumber): boolean {
    if (this.#roundOf("generate", step)?.closed !== true) return false;
    this.end();
    return true;
  }

  contribution(worker: WorkerRecord, { step, node, checksums }: EventOf<"contribution">, now: number): Effect[] {
    const round = this.#roundOf("train", step);
    const repeated = round && this.#verification?.announced(worker.id, node, checksums);
    if (repeated !== undefined) {
      progressed(worker, now);
      return repeated;
    }
    if (round?.announce(worker.id, node, checksums) !== true) return [];
    progressed(worker, now);
    return this.#reduction?.announced({ worker: worker.id, node, checksums }) ?? [];
  }

  /** Whether a worker may deliver a node's sum, see `Round.standing`. */
  standing(worker: WorkerId, step: StepNumber, node: TreeNode): ReturnType<Round["standing"]> {
    const round = this.#roundOf("train", step);
    return round && (this.#verification?.standing(worker, node) ?? round.standing(worker, node));
  }

  received(event: EventOf<"received">, now: number): Effect[] {
    const reduction = this.#reductionOf(event);
    if (reduction === undefined) return [];
    const { worker, node } = event;
    const verified = this.#verification?.received(event) ?? this.#verification?.begin(worker, node);
    return verified ?? reduction.received(event, now);
  }

  tried(event: EventOf<"tried">): void {
    if (this.#roundOf("train", event.step) !== undefined) this.#verification?.tried(event);
  }

  /** Accepts sums on which workers agree, and lets others compute those on which they do not. */
  settle(now: number): { readonly effects: readonly Effect[]; readonly wrong: readonly EffectOf<"putOut">[] } {
    const round = this.#round;
    if (round === undefined || this.#verification === undefined) return { effects: [], wrong: [] };
    const { step } = round;
    const { verdicts, effects } = this.#verification.settle(now);
    const accepted = verdicts.flatMap(({ node, of, agreed }): Effect[] => [
      ...(agreed.length > 1 ? [{ type: "verified", step, node } as const] : []),
      // A sum that nobody confirmed is computed again when its worker is put out.
      ...(agreed.includes(of)
        ? (this.#reduction?.received({ type: "received", worker: of, step, node }, now) ?? [])
        : []),
    ]);
    const wrong = verdicts.flatMap(({ node, agreed, wrong: workers }) =>
      workers.map((worker) => ({ type: "putOut", worker, step, node, agreed }) as const),
    );
    return { effects: [...effects, ...accepted], wrong };
  }

  /** @returns how many shards became unleased; undefined if the worker had not announced this node */
  receiveFailed({ worker, step, node }: EventOf<"receiveFailed">): number | undefined {
    const round = this.#roundOf("train", step);
    if (round !== undefined && this.#verification?.receiveFailed(worker, node) === true) return 0;
    return round?.withdraw(worker, node);
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

  /** @returns the commit, or the error that prevents it; undefined if no sum was expected */
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

  // ---------------------------------------------------------------- work that passes to other workers

  /** Whether work would be lost, or a sum become unavailable, if the worker left now. */
  needs(id: WorkerId): boolean {
    if (this.#round === undefined) return false;
    return this.#round.closed || this.#round.dependsOn(id) || this.#verification?.needs(id) === true;
  }

  /** Takes back a worker's leases, results and announcements. */
  release(id: WorkerId, reason: string): Effect[] {
    this.#verification?.release(id);
    const count = this.#round?.closed === false ? this.#round.release(id) : 0;
    return count > 0 ? [{ type: "lost", worker: id, count, late: false, reason }] : [];
  }

  /** Reassigns a worker's slices to other reducers. */
  reassign(id: WorkerId, now: number): Effect[] {
    return this.#reduction?.reassign(id, this.#roster.reducers, now) ?? [];
  }

  /** The worker keeps the shard that it has begun; its other shards and its slices go to others. */
  drain(id: WorkerId, now: number): Effect[] {
    const round = this.#round;
    if (round === undefined || round.closed) return [];
    return [...revoke(round, id, round.queue(id).slice(1), false), ...this.reassign(id, now)];
  }

  /** Takes shards and slices that are not finished from late workers. */
  expire(now: number): Effect[] {
    const round = this.#round;
    if (round === undefined) return [];
    this.#verification?.expire(now);
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
