/**
 * The coordinator's decisions: who takes part, who computes what, when a step is final, when to save, when to end.
 * A deterministic state machine: `handle(event, now)` changes the state and returns what is to be done, in order. It
 * has no sockets, files, timers or clock of its own, and never sees a gradient.
 *
 * A step: lease all shards -> contributions are announced, received, accepted -> reduce -> commit -> (evaluate) -> next.
 * One round is open at a time. What a worker had is leased again the moment it is gone.
 */
import { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import { stepNumber } from "../../ids.js";
import { planRanges } from "./plan.js";
import { Round } from "./round.js";
import type { Effect, Event, MachineSettings, Outcome, WorkerId } from "./types.js";
import { measure, speedsOf } from "./workers.js";
import type { WorkerPhase, WorkerRecord } from "./workers.js";

/** State hashes kept for workers that report late, in steps. */
const hashesKept = 16;
/** Gradients of one worker that may fail to arrive in a row before it is dropped. */
const failuresAllowed = 3;

export interface MachineStatus {
  readonly committed: StepNumber;
  readonly workers: Readonly<Record<WorkerPhase, number>>;
  /** Shards a second by active worker. */
  readonly speeds: ReadonlyMap<WorkerId, number>;
  /** Why nothing is being computed, where that is so. */
  readonly waiting: string | undefined;
}

type EventOf<Type extends Event["type"]> = Extract<Event, { type: Type }>;

export class ClusterMachine {
  readonly #settings: MachineSettings;
  readonly #workers = new Map<WorkerId, WorkerRecord>();
  readonly #failures = new Map<WorkerId, number>();
  readonly #hashes = new Map<StepNumber, string>();
  #committed: StepNumber;
  #round: Round | undefined;
  /** Enough workers were there once. */
  #started = false;
  #evaluationDue = false;
  /** The newest step that is safe on disk. */
  #saved: StepNumber | undefined;
  readonly #saving = new Set<StepNumber>();
  #saveError: { step: StepNumber; error: CoxswainError } | undefined;
  #stopping: string | undefined;
  #failure: CoxswainError | undefined;
  #finished = false;

  /** @param start the state to go on from: step 0, or a checkpoint's */
  constructor(settings: MachineSettings, start: { step: StepNumber; hash: string; saved: boolean }) {
    this.#settings = settings;
    this.#committed = start.step;
    this.#hashes.set(start.step, start.hash);
    this.#saved = start.saved ? start.step : undefined;
  }

  handle(event: Event, now: number): Effect[] {
    if (this.#finished) return [];
    if ("worker" in event) {
      const worker = this.#workers.get(event.worker);
      if (worker === undefined && event.type !== "joined") return [];
      if (worker !== undefined) worker.lastHeard = now;
    }
    return [...this.#react(event, now), ...this.#advance(now)];
  }

  status(): MachineStatus {
    const workers = { loading: 0, synchronising: 0, active: 0 };
    for (const { phase } of this.#workers.values()) workers[phase]++;
    const active = this.#active();
    const speeds = speedsOf(active);
    return {
      committed: this.#committed,
      workers,
      speeds: new Map(active.map(({ id }, index) => [id, speeds[index] ?? 0])),
      waiting: this.#waitingFor(active.length),
    };
  }

  #react(event: Event, now: number): Effect[] {
    switch (event.type) {
      case "joined":
        this.#workers.set(event.worker, {
          id: event.worker,
          phase: "loading",
          lastHeard: now,
          applied: undefined,
          secondsPerShard: undefined,
        });
        return [];
      case "ready":
      case "resynchronise":
        return this.#synchronise(event.worker, "asked for the replica");
      case "heard":
        return [];
      case "applied":
        return this.#onApplied(event);
      case "contribution":
        return this.#onContribution(event);
      case "received":
        return this.#onReceived(event, now);
      case "receiveFailed":
        return this.#onReceiveFailed(event);
      case "left":
        return this.#remove(event.worker, event.reason);
      case "reduced":
        return this.#onReduced(event);
      case "committed":
        return this.#onCommitted(event);
      case "saved":
        this.#saving.delete(event.step);
        this.#saved = event.step;
        return [];
      case "saveFailed":
        this.#saving.delete(event.step);
        this.#saveError = event;
        return [{ type: "saveFailed", step: event.step, error: event.error }];
      case "stop":
        this.#stopping ??= event.reason;
        return [];
      case "fail":
        this.#failure ??= event.error;
        return [];
      case "tick":
        return this.#onTick(now);
    }
  }

  /** Tells a worker to take the replica; what it was computing with another state is not wanted. */
  #synchronise(id: WorkerId, reason: string): Effect[] {
    const worker = this.#workers.get(id);
    if (worker === undefined) return [];
    worker.phase = "synchronising";
    return [...this.#release(id, reason), { type: "synchronise", worker: id, step: this.#committed }];
  }

  #onApplied({ worker: id, step, hash }: EventOf<"applied">): Effect[] {
    const worker = this.#workers.get(id);
    if (worker === undefined || worker.phase === "loading") return [];
    const expected = this.#hashes.get(step);
    if (expected === undefined && step <= this.#committed) return [];
    if (expected !== hash)
      return [{ type: "mismatch", worker: id, step }, ...this.#synchronise(id, "its replica differs")];
    worker.applied = step;
    if (step === this.#committed) worker.phase = "active";
    return [];
  }

  #onContribution({ worker: id, task, step, node, results }: EventOf<"contribution">): Effect[] {
    const worker = this.#workers.get(id);
    const round = this.#round;
    if (worker === undefined || round?.task !== task || round.step !== step) return [];
    if (worker.applied !== this.#committed || !round.announce(id, node, results)) return [];
    measure(worker, results);
    if (task === "train") return [{ type: "receive", worker: id, step, node }];
    round.hold(id, node);
    return round.complete ? this.#endEvaluation(round) : [];
  }

  #onReceived({ worker, step, node }: EventOf<"received">, now: number): Effect[] {
    const round = this.#round;
    if (round?.task !== "train" || round.step !== step || !round.hold(worker, node)) return [];
    this.#failures.delete(worker);
    const accept: Effect = { type: "accept", worker, step, node };
    if (!round.complete) return [accept];
    round.closedAt = now;
    return [accept, { type: "reduce", step, tokens: round.totals().supervisedTokens }];
  }

  #onReceiveFailed({ worker, step, node }: EventOf<"receiveFailed">): Effect[] {
    const round = this.#round;
    if (round?.step !== step || !round.giveBack(worker, node)) return [];
    const failures = (this.#failures.get(worker) ?? 0) + 1;
    this.#failures.set(worker, failures);
    const reason = `its gradients did not arrive (${failures} times)`;
    const lost: Effect = { type: "lost", worker, count: node.count, reason };
    if (failures < failuresAllowed) return [lost];
    return [lost, { type: "drop", worker, reason }, ...this.#remove(worker, reason)];
  }

  #onReduced({ step, gradNorm }: EventOf<"reduced">): Effect[] {
    const round = this.#round;
    if (round?.step !== step || round.task !== "train" || round.closedAt === undefined) return [];
    const { lossSum, supervisedTokens } = round.totals();
    const loss = lossSum / supervisedTokens;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) return this.#failNotFinite(step, loss, gradNorm);
    const active = this.#active();
    return [
      {
        type: "commit",
        step,
        learningRate: this.#settings.learningRate(step),
        scale: this.#settings.clipCoefficient(gradNorm) / supervisedTokens,
        loss,
        gradNorm,
        supervisedTokens,
        workers: [...this.#workers.values()].filter(({ phase }) => phase !== "loading").map(({ id }) => id),
        activeWorkers: active.length,
        startedAt: round.startedAt,
        computedAt: round.closedAt,
      },
    ];
  }

  #failNotFinite(step: StepNumber, loss: number, gradNorm: number): Effect[] {
    const what = Number.isFinite(loss) ? `the gradient norm is ${gradNorm}` : `the loss is ${loss}`;
    this.#failure = new CoxswainError("config", `step ${step}: ${what}; the step was not applied`, {
      hint: `The state of step ${step - 1} is kept. Lower training.learning_rate or lengthen the warm-up, check the data near this step, then go on with --resume.`,
    });
    this.#round = undefined;
    return [];
  }

  #onCommitted({ step, hash }: EventOf<"committed">): Effect[] {
    this.#committed = step;
    this.#round = undefined;
    this.#hashes.set(step, hash);
    this.#hashes.delete(stepNumber(step - hashesKept));
    const { saveSteps, evalSteps, totalSteps, evaluationShards } = this.#settings;
    const last = step >= totalSteps;
    this.#evaluationDue = evaluationShards > 0 && (last || (evalSteps !== null && step % evalSteps === 0));
    return step % saveSteps === 0 || last ? this.#save() : [];
  }

  #save(): Effect[] {
    this.#saving.add(this.#committed);
    return [{ type: "save", step: this.#committed, final: this.#committed >= this.#settings.totalSteps }];
  }

  #endEvaluation(round: Round): Effect[] {
    const { lossSum, supervisedTokens } = round.totals();
    this.#round = undefined;
    this.#evaluationDue = false;
    return [{ type: "evaluated", step: round.step, loss: lossSum / supervisedTokens, tokens: supervisedTokens }];
  }

  #onTick(now: number): Effect[] {
    const silent = [...this.#workers.values()].filter(
      ({ lastHeard }) => now - lastHeard > this.#settings.silenceTimeout,
    );
    return silent.flatMap(({ id, lastHeard }) => {
      const reason = `nothing was heard of it for ${((now - lastHeard) / 1000).toFixed(0)} s`;
      return [{ type: "drop", worker: id, reason } as const, ...this.#remove(id, reason)];
    });
  }

  #remove(id: WorkerId, reason: string): Effect[] {
    this.#workers.delete(id);
    this.#failures.delete(id);
    return this.#release(id, reason);
  }

  #release(id: WorkerId, reason: string): Effect[] {
    const count = this.#round?.closed === false ? this.#round.release(id) : 0;
    return count > 0 ? [{ type: "lost", worker: id, count, reason }] : [];
  }

  /** Opens the next round where none is open, leases what is unleased, or ends the run. */
  #advance(now: number): Effect[] {
    if (this.#round !== undefined && this.#abandoned()) this.#round = undefined;
    if (this.#round === undefined) {
      if (this.#ending()) return this.#end();
      if (!this.#mayStart()) return [];
      this.#round = this.#nextRound(now);
    }
    return this.#assign(this.#round);
  }

  /** A stopping run finishes the step in flight, but not an evaluation, nor a step that nobody computes. */
  #abandoned(): boolean {
    if (this.#failure !== undefined) return true;
    if (this.#stopping === undefined || this.#round?.closed === true) return false;
    return this.#round?.task === "evaluate" || this.#active().length === 0;
  }

  #ending(): boolean {
    if (this.#failure !== undefined || this.#stopping !== undefined) return true;
    return this.#committed >= this.#settings.totalSteps && !this.#evaluationDue;
  }

  #mayStart(): boolean {
    if (this.#active().length >= this.#settings.minWorkers) this.#started = true;
    return this.#started;
  }

  #nextRound(now: number): Round {
    if (this.#evaluationDue) return new Round("evaluate", this.#committed, this.#settings.evaluationShards, now);
    const step = stepNumber(this.#committed + 1);
    return new Round("train", step, this.#settings.shardsOf(step), now);
  }

  #assign(round: Round): Effect[] {
    const unleased = round.closed ? [] : round.unleased();
    if (unleased.length === 0) return [];
    // One that has not applied the last commit yet will have by then: its control stream is in order.
    const active = this.#active();
    const speeds = speedsOf(active);
    const capacities = active.map(({ id }, index) => ({
      worker: id,
      speed: speeds[index] ?? 1,
      outstanding: round.outstanding(id),
    }));
    return planRanges(unleased, capacities).map(({ worker, first, count }) => ({
      type: "lease",
      worker,
      task: round.task,
      step: round.step,
      first,
      count,
      roundShards: round.size,
      again: round.lease(worker, first, count),
    }));
  }

  /** Saves what is not safe yet, waits for the disk, then finishes. */
  #end(): Effect[] {
    if (this.#saving.size > 0) return [];
    const failed = this.#saveError?.step === this.#committed ? this.#saveError.error : undefined;
    if (this.#saved !== this.#committed && failed === undefined && this.#committed > 0) return this.#save();
    this.#finished = true;
    return [{ type: "finish", outcome: this.#outcome(failed) }];
  }

  #outcome(saveError: CoxswainError | undefined): Outcome {
    const error = this.#failure ?? saveError;
    if (error !== undefined) return { kind: "failed", error };
    const complete = this.#committed >= this.#settings.totalSteps;
    return complete ? { kind: "completed" } : { kind: "stopped", reason: this.#stopping ?? "stopped" };
  }

  #active(): WorkerRecord[] {
    return [...this.#workers.values()].filter(({ phase }) => phase === "active");
  }

  #waitingFor(active: number): string | undefined {
    if (this.#finished || this.#ending()) return undefined;
    const { minWorkers } = this.#settings;
    if (!this.#started && active < minWorkers) return `waiting for workers: ${active} of ${minWorkers} are ready`;
    return active === 0 ? "no worker is ready; the step waits for one" : undefined;
  }
}
