/**
 * The coordinator's decisions: who takes part, who computes what, when a step is final, when to save, when to end.
 * A deterministic state machine: `handle(event, now)` changes the state and returns what is to be done, in order. It
 * has no sockets, files, timers or clock of its own, and never sees a gradient.
 *
 * A step: lease all shards -> shards are computed, sums announced, brought together (reduction.ts) -> reduce -> commit ->
 * (evaluate) -> next. One round is open at a time. What a worker had is leased again the moment it is gone or late; a
 * worker without work takes some from the one that would be last (leasing.ts, steal.ts).
 *
 * A coordinator that was killed and goes on first asks the workers what they have (recovery.ts).
 */
import { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import { stepNumber } from "../../ids.js";
import { Hold } from "./hold.js";
import { assign, everyone, expire, revoke } from "./leasing.js";
import type { MayTake } from "./leasing.js";
import { chooseReplica } from "./recovery.js";
import { Reduction } from "./reduction.js";
import { Round } from "./round.js";
import { machineWorker, shownPhase } from "./status.js";
import type { MachineStatus, MachineWorker, RunPhase } from "./status.js";
import type { Effect, Event, MachineSettings, Outcome, RecoverySettings, WorkerId } from "./types.js";
import { measure, newWorker, speedsOf } from "./workers.js";
import type { WorkerPhase, WorkerRecord } from "./workers.js";

/** State hashes kept for workers that report late, in steps. */
const hashesKept = 16;
/** Gradients of one worker that may fail to arrive in a row before it is dropped. */
const failuresAllowed = 3;
/** What a reducer may take once everything is there to be summed: ms, and bytes a ms. */
const reducerGrace = 3_000;
const reducerRate = 10_000;

type EventOf<Type extends Event["type"]> = Extract<Event, { type: Type }>;

/** A step or evaluation under way; steps have a reduction. */
interface Work {
  readonly round: Round;
  readonly reduction: Reduction | undefined;
}

/** While it is open whether the run goes on from the start state or from a worker's. */
interface Recovery {
  readonly timeout: RecoverySettings["timeout"];
  survivors: number;
  deadline: number | undefined;
  /** Whose replica is being taken over. */
  adopting: WorkerId | undefined;
}

export class ClusterMachine {
  readonly #settings: MachineSettings;
  readonly #workers = new Map<WorkerId, WorkerRecord>();
  /** Those whose phase is "active", while that is known. */
  #activeNow: readonly WorkerRecord[] | undefined;
  readonly #draining = new Set<WorkerId>();
  readonly #failures = new Map<WorkerId, number>();
  readonly #hashes = new Map<StepNumber, string>();
  /** The newest step that a worker has applied. */
  #replicated: StepNumber;
  #committed: StepNumber;
  #work: Work | undefined;
  #recovery: Recovery | undefined;
  #evaluationDue = false;
  readonly #hold = new Hold();
  #checkpointAsked = false;
  /** The newest step was begun with workers as its reducers. */
  #meshed = false;
  /** The newest step that is safe on disk. */
  #saved: StepNumber | undefined;
  readonly #saving = new Set<StepNumber>();
  #saveError: { step: StepNumber; error: CoxswainError } | undefined;
  #stopping: { readonly reason: string; readonly returning: boolean } | undefined;
  #failure: CoxswainError | undefined;
  #outcome: Outcome | undefined;

  /** @param start the state to go on from: step 0, or a checkpoint's */
  constructor(settings: MachineSettings, start: { step: StepNumber; hash: string; saved: boolean }) {
    this.#settings = settings;
    this.#committed = start.step;
    this.#replicated = start.step;
    this.#hashes.set(start.step, start.hash);
    this.#saved = start.saved ? start.step : undefined;
    this.#evaluationDue = this.#evaluates(start.step);
    if (settings.recovery !== undefined)
      this.#recovery = { ...settings.recovery, deadline: undefined, adopting: undefined };
  }

  handle(event: Event, now: number): Effect[] {
    if (this.#outcome !== undefined) return [];
    if ("worker" in event) {
      const worker = this.#workers.get(event.worker);
      if (worker === undefined && event.type !== "joined") return [];
      // What the shell found out about a worker is no sign of life.
      if (worker !== undefined && !shellsOwn.has(event.type)) worker.lastHeard = now;
    }
    return [...this.#react(event, now), ...this.#advance(event, now)];
  }

  status(): MachineStatus {
    const workers = { loading: 0, synchronising: 0, active: 0, draining: 0 };
    for (const { phase } of this.#workers.values()) workers[shownPhase(phase)]++;
    const active = this.#active();
    const speeds = speedsOf(active);
    const waiting = this.#waitingFor(active.length);
    return {
      phase: this.#phase(waiting),
      committed: this.#committed,
      inFlight: this.#work?.round.task,
      workers,
      speeds: new Map(active.map(({ id }, index) => [id, speeds[index] ?? 0])),
      waiting,
      meshed: this.#meshed,
      stopping: this.#failure?.message ?? this.#stopping?.reason,
      outcome: this.#outcome,
    };
  }

  /** Those who take part, in the order in which they came. */
  workers(): MachineWorker[] {
    return [...this.#workers.values()].map((worker) => machineWorker(worker, this.#work?.round));
  }

  #react(event: Event, now: number): Effect[] {
    switch (event.type) {
      case "joined":
        this.#workers.set(event.worker, newWorker(event.worker, now));
        return [];
      case "ready":
        return this.#onReady(event);
      case "resynchronise":
        return this.#synchronise(event.worker, "asked for the replica");
      case "heard":
        return [];
      case "applied":
        return this.#onApplied(event, now);
      case "idle":
        return this.#onIdle(event.worker, now);
      case "computed":
        return this.#onComputed(event, now);
      case "contribution":
        return this.#onContribution(event, now);
      case "received":
        this.#failures.delete(event.worker);
        return this.#reduction(event.step)?.received(event, now) ?? [];
      case "receiveFailed":
        return this.#onReceiveFailed(event, now);
      case "sliceReduced":
        return this.#reduction(event.step)?.sliceReduced(event) ?? [];
      case "gathered":
        return this.#reduction(event.step)?.gathered(event, now) ?? [];
      case "collectFailed":
        return this.#reduction(event.step)?.collectFailed(event) ?? [];
      case "gatherFailed":
        return this.#reduction(event.step)?.gatherFailed(event, this.#reducers(), now) ?? [];
      case "adopted":
        return this.#onAdopted(event);
      case "adoptFailed":
        return this.#onAdoptFailed(event);
      case "survivors":
        if (this.#recovery !== undefined) this.#recovery.survivors = event.count;
        return [];
      case "draining":
        return this.#onDraining(event, now);
      case "left":
        return this.#remove(event.worker, event.reason, now);
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
      case "pause":
        this.#hold.ask(event.by);
        return [];
      case "resume":
        return this.#hold.end(event.by, this.#committed);
      case "checkpoint":
        this.#checkpointAsked = true;
        return [];
      case "stop":
        this.#stopping ??= event;
        return [];
      case "fail":
        this.#failure ??= event.error;
        return [];
      case "tick":
        return this.#onTick(now);
    }
  }

  // ---------------------------------------------------------------- membership

  #onReady({ worker: id, reachable, replica }: EventOf<"ready">): Effect[] {
    const worker = this.#workers.get(id);
    if (worker === undefined) return [];
    worker.reachable = reachable;
    worker.offer = replica;
    if (this.#recovery === undefined) return this.#welcome(worker);
    this.#enter(worker, "offering");
    return [];
  }

  /** A worker that has the newest state already, having lost only its connection, need not take it again. */
  #welcome(worker: WorkerRecord): Effect[] {
    const { offer } = worker;
    if (offer?.step !== this.#committed || offer.hash !== this.#hashes.get(this.#committed))
      return this.#synchronise(worker.id, "joined");
    worker.applied = offer.step;
    this.#enter(worker, "active");
    return [];
  }

  /** Tells a worker to take the replica; what it was computing with another state is not wanted. */
  #synchronise(id: WorkerId, reason: string): Effect[] {
    const worker = this.#workers.get(id);
    if (worker === undefined) return [];
    if (worker.phase !== "draining") this.#enter(worker, "synchronising");
    return [...this.#release(id, reason), { type: "synchronise", worker: id, step: this.#committed }];
  }

  #onApplied({ worker: id, step, hash }: EventOf<"applied">, now: number): Effect[] {
    const worker = this.#workers.get(id);
    if (worker === undefined || worker.phase === "loading" || worker.phase === "offering") return [];
    const expected = this.#hashes.get(step);
    if (expected === undefined && step <= this.#committed) return [];
    if (expected !== hash)
      return [{ type: "mismatch", worker: id, step }, ...this.#synchronise(id, "its replica differs")];
    worker.applied = step;
    if (step < this.#committed) return [];
    progressed(worker, now);
    if (worker.phase === "synchronising") this.#enter(worker, "active");
    if (step === this.#replicated) return [];
    this.#replicated = step;
    return [{ type: "replicated", step }];
  }

  /** It keeps the shard that it has begun; the rest goes to others. */
  #onDraining({ worker: id }: EventOf<"draining">, now: number): Effect[] {
    const worker = this.#workers.get(id);
    if (worker === undefined) return [];
    this.#enter(worker, "draining");
    const round = this.#work?.round;
    if (round === undefined || round.closed) return [];
    return [
      ...revoke(round, id, round.queue(id).slice(1), false),
      ...(this.#work?.reduction?.reassign(id, this.#reducers(), now) ?? []),
    ];
  }

  /** Lets those go who want to and have nothing that is still needed. */
  #dismiss(): Effect[] {
    if (this.#draining.size === 0) return [];
    return [...this.#draining].flatMap((id) => {
      const round = this.#work?.round;
      if (round !== undefined && (round.closed || round.dependsOn(id))) return [];
      this.#forget(id);
      return [{ type: "dismiss", worker: id } as const];
    });
  }

  #onTick(now: number): Effect[] {
    const { silenceTimeout, gradientSize } = this.#settings;
    const silent = [...this.#workers.values()].filter(({ lastHeard }) => now - lastHeard > silenceTimeout);
    const dropped = silent.flatMap(({ id, lastHeard }) => {
      const reason = `nothing was heard of it for ${((now - lastHeard) / 1000).toFixed(0)} s`;
      return [{ type: "drop", worker: id, reason } as const, ...this.#remove(id, reason, now)];
    });
    const work = this.#work;
    if (work === undefined) return dropped;
    const expired = expire(work.round, [...this.#workers.values()].filter(mayHoldLeases), now);
    const late = work.reduction?.lateReducers(now, reducerGrace + (gradientSize * 4) / reducerRate) ?? [];
    const moved = late.flatMap((id) => {
      const worker = this.#workers.get(id);
      if (worker !== undefined) worker.late = true;
      return work.reduction?.reassign(id, this.#reducers(), now) ?? [];
    });
    return [...dropped, ...expired, ...moved];
  }

  #remove(id: WorkerId, reason: string, now: number): Effect[] {
    this.#forget(id);
    this.#failures.delete(id);
    if (this.#recovery?.adopting === id) this.#recovery.adopting = undefined;
    return [...this.#release(id, reason), ...(this.#work?.reduction?.reassign(id, this.#reducers(), now) ?? [])];
  }

  #release(id: WorkerId, reason: string): Effect[] {
    const round = this.#work?.round;
    const count = round?.closed === false ? round.release(id) : 0;
    return count > 0 ? [{ type: "lost", worker: id, count, late: false, reason }] : [];
  }

  // ---------------------------------------------------------------- a round

  #onIdle(id: WorkerId, now: number): Effect[] {
    const worker = this.#workers.get(id);
    if (worker !== undefined) progressed(worker, now);
    return [];
  }

  #onComputed({ worker: id, task, step, result }: EventOf<"computed">, now: number): Effect[] {
    const worker = this.#workers.get(id);
    const round = this.#roundOf(task, step);
    if (worker === undefined || round === undefined || worker.applied !== this.#committed) return [];
    if (!round.compute(id, result)) return [];
    progressed(worker, now);
    measure(worker, result);
    if (task === "train") return [];
    round.holdResult(result);
    return round.complete ? this.#endEvaluation(round) : [];
  }

  #onContribution({ worker: id, step, node }: EventOf<"contribution">, now: number): Effect[] {
    const worker = this.#workers.get(id);
    const round = this.#roundOf("train", step);
    if (worker === undefined || round?.announce(id, node) !== true) return [];
    progressed(worker, now);
    return this.#work?.reduction?.announced(id, node) ?? [];
  }

  #onReceiveFailed({ worker, step, node }: EventOf<"receiveFailed">, now: number): Effect[] {
    const count = this.#roundOf("train", step)?.withdraw(worker, node);
    if (count === undefined) return [];
    const failures = (this.#failures.get(worker) ?? 0) + 1;
    this.#failures.set(worker, failures);
    const reason = `its gradients did not arrive (${failures} times)`;
    const lost: Effect = { type: "lost", worker, count, late: false, reason };
    if (failures < failuresAllowed) return [lost];
    return [lost, { type: "drop", worker, reason }, ...this.#remove(worker, reason, now)];
  }

  #onReduced({ step, gradNorm }: EventOf<"reduced">): Effect[] {
    const reduction = this.#reduction(step);
    const round = this.#work?.round;
    if (reduction === undefined || round?.closedAt === undefined) return [];
    const { lossSum, supervisedTokens } = round.totals();
    const loss = lossSum / supervisedTokens;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) return this.#failNotFinite(step, loss, gradNorm);
    return [
      {
        type: "commit",
        step,
        learningRate: this.#settings.learningRate(step),
        scale: this.#settings.clipCoefficient(gradNorm) / supervisedTokens,
        loss,
        gradNorm,
        supervisedTokens,
        workers: [...this.#workers.values()].filter(holdsReplica).map(({ id }) => id),
        slices: reduction.slices,
        activeWorkers: this.#active().length,
        shards: round.size,
        startedAt: round.startedAt,
        computedAt: round.closedAt,
      },
    ];
  }

  #failNotFinite(step: StepNumber, loss: number, gradNorm: number): Effect[] {
    const what = Number.isFinite(loss) ? `the gradient norm is ${gradNorm}` : `the loss is ${loss}`;
    const narrow = this.#settings.float16 ? "use compute.dtype: float32 (float16 ends at 65504), " : "";
    this.#failure = new CoxswainError("config", `step ${step}: ${what}; the step was not applied`, {
      hint: `The state of step ${step - 1} is kept. Lower training.learning_rate or lengthen the warm-up, ${narrow}check the data near this step, then go on with --resume.`,
    });
    this.#work = undefined;
    return [{ type: "notFinite", step }];
  }

  #onCommitted({ step, hash }: EventOf<"committed">): Effect[] {
    this.#committed = step;
    this.#work = undefined;
    this.#hashes.set(step, hash);
    this.#hashes.delete(stepNumber(step - hashesKept));
    const { saveSteps } = this.#settings;
    this.#evaluationDue = this.#evaluates(step);
    return step % saveSteps === 0 || step >= this.#settings.totalSteps ? this.#save() : [];
  }

  #evaluates(step: StepNumber): boolean {
    const { evalSteps, totalSteps, evaluationShards, evaluated } = this.#settings;
    if (evaluationShards === 0 || step === 0 || evaluated(step)) return false;
    return step >= totalSteps || (evalSteps !== null && step % evalSteps === 0);
  }

  #save(): Effect[] {
    this.#saving.add(this.#committed);
    return [{ type: "save", step: this.#committed, final: this.#committed >= this.#settings.totalSteps }];
  }

  #endEvaluation(round: Round): Effect[] {
    const { lossSum, supervisedTokens } = round.totals();
    this.#work = undefined;
    this.#evaluationDue = false;
    return [{ type: "evaluated", step: round.step, loss: lossSum / supervisedTokens, tokens: supervisedTokens }];
  }

  // ---------------------------------------------------------------- recovery

  /** Decides, when everyone expected is here or the time is over, which state the run goes on from. */
  #recover(recovery: Recovery, now: number): Effect[] {
    recovery.deadline ??= now + recovery.timeout;
    if (recovery.adopting !== undefined) return [];
    const offering = [...this.#workers.values()].filter(({ phase }) => phase === "offering");
    // Those who are new have nothing to offer, and say nothing of who is still to come.
    const offers = offering.flatMap(({ id, offer }) => (offer === undefined ? [] : [{ worker: id, ...offer }]));
    if (now < recovery.deadline && offers.length < recovery.survivors) return [];
    const choice = chooseReplica(offers, this.#committed);
    const worker = choice?.workers[0];
    if (choice === undefined || worker === undefined) return this.#recovered(undefined);
    recovery.adopting = worker;
    return [{ type: "adopt", worker, replica: { step: choice.step, hash: choice.hash } }];
  }

  #onAdopted({ worker, replica }: EventOf<"adopted">): Effect[] {
    if (this.#recovery?.adopting !== worker) return [];
    const { step, hash } = replica;
    this.#committed = step;
    this.#replicated = step;
    this.#hashes.set(step, hash);
    this.#evaluationDue = this.#evaluates(step);
    const due = step % this.#settings.saveSteps === 0 || step >= this.#settings.totalSteps;
    return [...this.#recovered(worker), ...(due ? this.#save() : [])];
  }

  #onAdoptFailed({ worker: id }: EventOf<"adoptFailed">): Effect[] {
    const worker = this.#workers.get(id);
    if (worker === undefined || this.#recovery?.adopting !== id) return [];
    this.#recovery.adopting = undefined;
    worker.offer = undefined;
    this.#recovery.survivors--;
    return [];
  }

  #recovered(from: WorkerId | undefined): Effect[] {
    this.#recovery = undefined;
    const offering = [...this.#workers.values()].filter(({ phase }) => phase === "offering");
    return [{ type: "recovered", step: this.#committed, from }, ...offering.flatMap((worker) => this.#welcome(worker))];
  }

  // ---------------------------------------------------------------- the run

  /** Opens the next round where none is open, leases what is unleased, or ends the run. */
  #advance(event: Event, now: number): Effect[] {
    const before: Effect[] = [];
    if (this.#recovery !== undefined) {
      if (this.#ending()) this.#recovery = undefined;
      else before.push(...this.#recover(this.#recovery, now));
      if (this.#recovery !== undefined) return before;
    }
    if (this.#work !== undefined && this.#abandoned()) this.#work = undefined;
    before.push(...this.#checkpoint());
    if (this.#work === undefined) {
      if (this.#ending()) return [...before, ...this.#end()];
      if (this.#hold.asked) before.push(...this.#settle());
      else if (this.#active().length >= this.#settings.minWorkers) before.push(...this.#begin(now));
    }
    if (this.#work !== undefined) before.push(...this.#assign(this.#work, mayTakeAfter(event), now));
    return [...before, ...this.#dismiss()];
  }

  #assign({ round, reduction }: Work, mayTake: MayTake, now: number): Effect[] {
    const active = this.#active();
    if (reduction?.meshed !== true) return assign(round, active, mayTake, now);
    const reachable = active.filter((worker) => worker.reachable);
    if (reachable.length > 0 || active.length === 0) return assign(round, reachable, mayTake, now);
    return [...reduction.toStar("no worker that others can reach is left"), ...assign(round, active, mayTake, now)];
  }

  /** A stopping run finishes the step in flight, but not an evaluation, nor a step that nobody computes. */
  #abandoned(): boolean {
    if (this.#failure !== undefined) return true;
    const round = this.#work?.round;
    if (this.#stopping === undefined || round?.closed === true) return false;
    return round?.task === "evaluate" || this.#active().length === 0;
  }

  /** A pause begins when somebody has the newest step, and it was told to the world; with nobody there, at once. */
  #settle(): Effect[] {
    const told = this.#replicated === this.#committed || this.#active().length === 0;
    return told ? this.#hold.settle(this.#committed) : [];
  }

  /** A checkpoint that is asked for waits for the step in flight, unless nobody computes that. */
  #checkpoint(): Effect[] {
    const round = this.#work?.round;
    const underWay = round?.task === "train" && (round.closed || this.#active().length > 0);
    if (!this.#checkpointAsked || underWay) return [];
    this.#checkpointAsked = false;
    const step = this.#committed;
    const there = this.#saved === step || this.#saving.has(step);
    return [...(there ? [] : this.#save()), { type: "checkpoint", step }];
  }

  #ending(): boolean {
    if (this.#failure !== undefined || this.#stopping !== undefined) return true;
    return this.#committed >= this.#settings.totalSteps && !this.#evaluationDue;
  }

  #begin(now: number): Effect[] {
    const { evaluationShards, gradientSize, shardsOf } = this.#settings;
    if (this.#evaluationDue) {
      this.#work = { round: new Round("evaluate", this.#committed, evaluationShards, now), reduction: undefined };
      return [];
    }
    const step = stepNumber(this.#committed + 1);
    const round = new Round("train", step, shardsOf(step), now);
    // Everyone who computes must be reachable for the reducers.
    const able = this.#active().every(({ reachable }) => reachable) ? this.#reducers() : [];
    const reducers = able.slice(0, this.#settings.reducers(able.length));
    const reduction = new Reduction(round, reducers, gradientSize, now);
    this.#work = { round, reduction };
    this.#meshed = reduction.meshed;
    return reduction.start();
  }

  /** Saves what is not safe yet, waits for the disk, then finishes. */
  #end(): Effect[] {
    if (this.#saving.size > 0) return [];
    const failed = this.#saveError?.step === this.#committed ? this.#saveError.error : undefined;
    if (this.#saved !== this.#committed && failed === undefined && this.#committed > 0) return this.#save();
    this.#outcome = this.#outcomeWith(failed);
    return [{ type: "finish", outcome: this.#outcome }];
  }

  #outcomeWith(saveError: CoxswainError | undefined): Outcome {
    const error = this.#failure ?? saveError;
    if (error !== undefined) return { kind: "failed", error };
    if (this.#committed >= this.#settings.totalSteps) return { kind: "completed" };
    const { reason = "stopped", returning = false } = this.#stopping ?? {};
    return { kind: "stopped", reason, returning };
  }

  #roundOf(task: Round["task"], step: StepNumber): Round | undefined {
    const round = this.#work?.round;
    return round?.task === task && round.step === step ? round : undefined;
  }

  #reduction(step: StepNumber): Reduction | undefined {
    return this.#roundOf("train", step) && this.#work?.reduction;
  }

  #active(): readonly WorkerRecord[] {
    return (this.#activeNow ??= [...this.#workers.values()].filter(({ phase }) => phase === "active"));
  }

  #enter(worker: WorkerRecord, phase: WorkerPhase): void {
    worker.phase = phase;
    this.#activeNow = undefined;
    if (phase === "draining") this.#draining.add(worker.id);
  }

  #forget(id: WorkerId): void {
    this.#workers.delete(id);
    this.#draining.delete(id);
    this.#activeNow = undefined;
  }

  /** Those who can sum a slice. */
  #reducers(): WorkerId[] {
    return this.#active()
      .filter(({ reachable, late }) => reachable && !late)
      .map(({ id }) => id);
  }

  #phase(waiting: string | undefined): RunPhase {
    if (this.#outcome !== undefined) return "ended";
    if (this.#ending()) return "stopping";
    if (this.#recovery !== undefined) return "recovering";
    if (this.#hold.asked) return this.#hold.inForce ? "paused" : "pausing";
    if (waiting !== undefined) return "waiting";
    return this.#work?.round.task === "evaluate" ? "evaluating" : "training";
  }

  #waitingFor(active: number): string | undefined {
    if (this.#outcome !== undefined || this.#ending()) return undefined;
    const { minWorkers } = this.#settings;
    if (this.#recovery !== undefined)
      return `waiting for the workers that took part: they may have a later state than step ${this.#committed}`;
    if (this.#hold.inForce)
      return `paused after step ${this.#committed}${this.#hold.by === undefined ? "" : ` by ${this.#hold.by}`}`;
    if (this.#work === undefined && active < minWorkers)
      return `waiting for workers: ${active} of ${minWorkers} are ready`;
    return active === 0 ? "no worker is ready; the step waits for one" : undefined;
  }
}

/** What the coordinator's own parts say about a worker. */
const shellsOwn: ReadonlySet<Event["type"]> = new Set<Event["type"]>([
  "received",
  "receiveFailed",
  "gathered",
  "gatherFailed",
  "adopted",
  "adoptFailed",
]);

/** Time lets anyone find that another is slow; otherwise it is the one that has just ended its work. */
function mayTakeAfter(event: Event): MayTake {
  if (event.type === "tick") return everyone;
  return event.type === "computed" || event.type === "applied" || event.type === "idle" ? event.worker : undefined;
}

const holdsReplica = ({ phase }: WorkerRecord): boolean => phase !== "loading" && phase !== "offering";
const mayHoldLeases = ({ phase }: WorkerRecord): boolean => phase === "active" || phase === "draining";

function progressed(worker: WorkerRecord, now: number): void {
  worker.progressAt = now;
  worker.late = false;
}
