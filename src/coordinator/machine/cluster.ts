/**
 * The coordinator's decisions: which workers take part, who computes what, when a step is final, when to save and end.
 * A deterministic state machine: `handle(event, now)` updates the state and returns the effects to carry out, in order.
 * It has no sockets, files, timers or clock, and never sees a gradient.
 *
 * Every part of the state has an owner: workers (roster.ts, membership.ts), committed steps (commits.ts), work in
 * flight (work.ts), what comes next (agenda.ts), the best evaluation (best.ts), checkpoints (checkpoints.ts), pauses
 * (hold.ts), the end (ending.ts), and the state that a restarted coordinator resumes from (recovery.ts). This class
 * dispatches events to them and decides what follows: one round is open at a time, and when nothing is in flight, the next
 * round begins or the run ends.
 *
 * A step: lease all shards -> compute shards, announce sums, collect them -> reduce -> commit -> (evaluate) -> next
 * step. Shards of a worker that is gone or late are leased again immediately; an idle worker takes shards from the
 * worker that is expected to finish last.
 */
import type { TreeNode } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import { Agenda } from "./agenda.js";
import { BestSoFar } from "./best.js";
import { Commits } from "./commits.js";
import { Ending } from "./ending.js";
import { Hold } from "./hold.js";
import { mayTakeAfter } from "./leasing.js";
import { Membership } from "./membership.js";
import { Recovery } from "./recovery.js";
import { Roster } from "./roster.js";
import { Checkpoints } from "./checkpoints.js";
import { machineStatus, machineWorker } from "./status.js";
import type { MachineStatus, MachineWorker } from "./status.js";
import type { Effect, Event, EventOf, MachineSettings, Task, WorkerId } from "./types.js";
import { Work } from "./work.js";
import { progressed } from "./workers.js";
import type { WorkerRecord } from "./workers.js";

type WorkerEvent = Extract<Event, { readonly worker: WorkerId }>;
type RunEvent = Exclude<Event, WorkerEvent>;

export class ClusterMachine {
  readonly #settings: MachineSettings;
  readonly #roster = new Roster();
  readonly #commits: Commits;
  readonly #work: Work;
  readonly #membership: Membership;
  readonly #agenda: Agenda;
  readonly #best: BestSoFar;
  /** Of the evaluation in flight, once it is computed. */
  #evaluationLoss: number | undefined;
  readonly #saving: Checkpoints;
  readonly #hold = new Hold();
  readonly #ending = new Ending();
  readonly #recovery: Recovery;

  /** @param start the state to resume from: step 0 or a checkpoint */
  constructor(settings: MachineSettings, start: { step: StepNumber; hash: string; saved: boolean }) {
    this.#settings = settings;
    this.#commits = new Commits(start);
    this.#work = new Work(settings, this.#roster);
    this.#membership = new Membership(this.#roster, this.#commits, this.#work);
    this.#agenda = new Agenda(settings, start.step);
    this.#best = new BestSoFar(settings.best, start.step);
    this.#saving = new Checkpoints(settings, start.saved ? start.step : undefined, () => this.#best.state);
    this.#recovery = new Recovery(settings.recovery);
  }

  handle(event: Event, now: number): Effect[] {
    if (this.#ending.outcome !== undefined) return [];
    const effects = "worker" in event ? this.#onWorkerEvent(event, now) : this.#onRunEvent(event, now);
    return effects === undefined ? [] : [...effects, ...this.#advance(event, now)];
  }

  status(): MachineStatus {
    return machineStatus({
      committed: this.#commits.newest,
      best: this.#best.state,
      inFlight: this.#work.task,
      evaluated: this.#work.evaluated,
      meshed: this.#work.meshed,
      stopping: this.#ending.reason,
      outcome: this.#ending.outcome,
      workers: this.#roster.all,
      active: this.#roster.active,
      minWorkers: this.#settings.minWorkers,
      ending: this.#isEnding(),
      recovering: this.#recovery.open,
      hold: this.#hold,
    });
  }

  /**
   * Whether a worker may deliver the sum of a node: it has announced it ("announced"), or may still do so ("leased").
   * Undefined: neither.
   */
  standing(worker: WorkerId, step: StepNumber, node: TreeNode): "announced" | "leased" | undefined {
    return this.#work.standing(worker, step, node);
  }

  /** All workers, in the order in which they joined. */
  workers(): MachineWorker[] {
    return this.#roster.all.map((worker) => machineWorker(worker, this.#work.round));
  }

  /** @returns undefined if the worker is unknown or has left: its events are ignored */
  #onWorkerEvent(event: WorkerEvent, now: number): Effect[] | undefined {
    if (event.type === "joined") {
      this.#roster.add(event.worker, now);
      return [];
    }
    const worker = this.#roster.get(event.worker);
    if (worker === undefined) return undefined;
    // Events that originate in the shell do not prove that the worker is alive.
    if (!shellsOwn.has(event.type)) worker.lastHeard = now;
    return this.#onKnownWorker(worker, event, now);
  }

  #onKnownWorker(worker: WorkerRecord, event: Exclude<WorkerEvent, EventOf<"joined">>, now: number): Effect[] {
    switch (event.type) {
      case "ready":
        return this.#membership.ready(worker, event, this.#recovery.open);
      case "resynchronise":
        return this.#membership.synchronise(worker, "asked for the replica");
      case "heard":
        return [];
      case "applied":
        return this.#membership.applied(worker, event, now);
      case "idle":
        progressed(worker, now);
        return [];
      case "computed":
        return this.#onComputed(worker, event, now);
      case "contribution":
        return this.#work.contribution(worker, event, now);
      case "received":
        worker.failures = 0;
        return this.#work.received(event, now);
      case "tried":
        this.#work.tried(event);
        return [];
      case "receiveFailed":
        return this.#membership.receiveFailed(worker, event, now);
      case "sliceReduced":
        return this.#work.sliceReduced(event);
      case "gathered":
        return this.#work.gathered(event, now);
      case "collectFailed":
        return this.#work.collectFailed(event);
      case "gatherFailed":
        return this.#work.gatherFailed(event, now);
      case "adopted":
        return this.#onAdopted(event);
      case "adoptFailed":
        this.#recovery.adoptFailed(worker);
        return [];
      case "draining":
        return this.#membership.draining(worker, now);
      case "left":
        return this.#membership.left(worker.id, event.reason, now);
    }
  }

  #onRunEvent(event: RunEvent, now: number): Effect[] {
    switch (event.type) {
      case "reduced":
        return this.#onReduced(event);
      case "scored":
        return this.#work.scored(event.step) ? this.#onEvaluated(event.step, event.exactMatch) : [];
      case "committed":
        this.#commits.commit(event);
        this.#work.end();
        return this.#reached(event.step);
      case "saved":
        this.#saving.saved(event);
        return [];
      case "saveFailed":
        if (this.#best.isRequired && this.#best.is(event.step)) this.#ending.fail(event.error);
        return this.#saving.failed(event);
      case "survivors":
        this.#recovery.expect(event.count);
        return [];
      case "pause":
        this.#hold.ask(event.by);
        return [];
      case "resume":
        return this.#hold.end(event.by, this.#commits.newest);
      case "checkpoint":
        this.#saving.ask();
        return [];
      case "stop":
        this.#ending.stop(event);
        return [];
      case "fail":
        this.#ending.fail(event.error);
        return [];
      case "tick":
        return [...this.#membership.dropSilent(this.#settings.silenceTimeout, now), ...this.#work.expire(now)];
    }
  }

  #onComputed(worker: WorkerRecord, event: EventOf<"computed">, now: number): Effect[] {
    const measured = this.#work.computed(worker, event, now);
    if (measured === undefined) return [];
    const { step } = measured;
    if (measured.task === "generate") return [{ type: "score", step, generated: measured.generated }];
    this.#evaluationLoss = measured.loss;
    return this.#agenda.measured(step) ? this.#onEvaluated(step, undefined) : [];
  }

  /** The evaluation is complete. */
  #onEvaluated(step: StepNumber, exactMatch: number | undefined): Effect[] {
    const loss = this.#evaluationLoss;
    this.#evaluationLoss = undefined;
    this.#agenda.evaluated(step);
    const value = (this.#best.metric === "exact_match" ? exactMatch : loss) ?? Number.NaN;
    this.#best.evaluated({ step, value });
    const best = this.#best.state;
    const evaluated = { type: "evaluated", step, loss, ...(exactMatch === undefined ? {} : { exactMatch }) } as const;
    if (best === undefined) return [evaluated];
    const saves = this.#best.is(step) ? this.#saving.keep(step) : this.#saving.reached(step);
    const stops = this.#best.patienceIsLost && !this.#agenda.allStepsDone(step);
    return [{ ...evaluated, best }, ...(stops ? [{ type: "patienceLost", step, best } as const] : []), ...saves];
  }

  /** If evaluations are compared, a step that is to be evaluated is saved after that, with the result. */
  #reached(step: StepNumber): Effect[] {
    if (this.#best.state !== undefined && this.#agenda.evaluationDue(step)) return [];
    return this.#saving.reached(step);
  }

  #onReduced(event: EventOf<"reduced">): Effect[] {
    const verdict = this.#work.reduced(event);
    if (verdict === undefined) return [];
    if (!(verdict instanceof CoxswainError)) return [verdict];
    this.#ending.fail(verdict);
    return [{ type: "notFinite", step: event.step }];
  }

  #onAdopted(event: EventOf<"adopted">): Effect[] {
    const recovered = this.#recovery.adopted(event);
    if (recovered.length === 0) return [];
    this.#commits.adopt(event.replica);
    const { step } = event.replica;
    this.#agenda.resume(step);
    this.#best.resume(step);
    const saves = this.#best.is(step) ? this.#saving.keep(step) : this.#reached(step);
    return [...recovered, ...this.#membership.recovered(), ...saves];
  }

  /** Opens the next round if none is open, leases unleased shards, or ends the run. */
  #advance(event: Event, now: number): Effect[] {
    const effects = this.#recovery.open ? this.#recover(now) : [];
    if (this.#recovery.open) return effects;
    if (this.#isAbandoned()) this.#work.end();
    effects.push(...this.#answerAskers());
    if (this.#work.task === undefined) {
      if (this.#isEnding()) return [...effects, ...this.#end()];
      effects.push(...this.#next(now));
    }
    effects.push(...this.#membership.settle(now));
    return [...effects, ...this.#work.assign(mayTakeAfter(event), now), ...this.#membership.dismiss()];
  }

  #recover(now: number): Effect[] {
    if (this.#isEnding()) {
      this.#recovery.abandon();
      return [];
    }
    // Without all evaluations before it, it would be unknown which state is the best.
    const start = this.#commits.newest;
    const accepts = (step: StepNumber): boolean =>
      this.#best.state === undefined || this.#agenda.allRecorded(start, step);
    const effects = this.#recovery.decide(this.#roster, start, now, accepts);
    return this.#recovery.open ? effects : [...effects, ...this.#membership.recovered()];
  }

  /** A requested checkpoint waits for the step in flight, unless no worker computes that step. */
  #answerAskers(): Effect[] {
    if (!this.#saving.asked || (this.#work.task === "train" && !this.#work.stalled)) return [];
    return this.#saving.answer(this.#commits.newest);
  }

  /** Called when nothing is in flight: begins a requested pause, or the next task if enough workers are active. */
  #next(now: number): Effect[] {
    const step = this.#commits.newest;
    const active = this.#roster.active.length;
    // A pause begins once a worker has applied the newest step, so that it is recorded, or immediately without workers.
    if (this.#hold.asked) return this.#commits.replicated || active === 0 ? this.#hold.settle(step) : [];
    // The best state is on disk before another one replaces it.
    if (this.#best.is(step) && this.#saving.isUnderWay(step)) return [];
    const task = this.#task();
    return task === undefined || active < this.#settings.minWorkers ? [] : this.#work.begin(task, step, now);
  }

  /** A stopping run finishes the step in flight, but not an evaluation or a step that no worker computes. */
  #isAbandoned(): boolean {
    if (this.#ending.failed) return true;
    return this.#ending.stopped && (this.#work.evaluates || this.#work.stalled);
  }

  /** No new work begins: the run is complete, was requested to stop, or failed. */
  #isEnding(): boolean {
    return this.#ending.failed || this.#ending.stopped || this.#task() === undefined;
  }

  /** What follows the newest step; undefined when the run is complete. */
  #task(): Task | undefined {
    return this.#agenda.next(this.#commits.newest, this.#best.patienceIsLost);
  }

  /** Waits for pending writes, saves the newest step if needed, then finishes. */
  #end(): Effect[] {
    if (this.#saving.busy) return [];
    const step = this.#commits.newest;
    const saves = this.#saving.secure(step);
    if (saves.length > 0) return saves;
    const isComplete = this.#agenda.allStepsDone(step) || this.#best.patienceIsLost;
    const outcome = this.#ending.conclude(isComplete, this.#saving.errorOf(step));
    return [{ type: "finish", outcome }];
  }
}

/** Events about a worker that come from the coordinator's shell, not from the worker. */
const shellsOwn: ReadonlySet<Event["type"]> = new Set<Event["type"]>([
  "received",
  "tried",
  "receiveFailed",
  "gathered",
  "gatherFailed",
  "adopted",
  "adoptFailed",
]);
