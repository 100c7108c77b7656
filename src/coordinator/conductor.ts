/**
 * Executes the decisions of the state machine: passes it events and carries out its effects, one after another. Decides
 * nothing. Owns the machine's clock and the end of the run. Messages to workers are in worker-sessions.ts, the gradient of
 * the step in flight in step-sum.ts, the coordinator's replica in own-replica.ts, and checkpoints in checkpointer.ts.
 */
import { detach } from "../async/index.js";
import type { Clock, Timer } from "../clock.js";
import type { TreeNode, VectorDtype } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import type { StepNumber } from "../ids.js";
import type { Replica, ReplicaState } from "../optim/index.js";
import type { Departure, Logger } from "../telemetry/index.js";
import type { LeaseSources } from "./service/lease-rows.js";
import type {
  BestState,
  ClusterMachine,
  CommitEffect,
  Effect,
  EffectOf,
  Event,
  MachineStatus,
  MachineWorker,
  Outcome,
  WorkerId,
} from "./machine/index.js";
import { OwnReplica } from "./gradient/own-replica.js";
import type { AnswerScores } from "./prepare/generation.js";
import type { RunRecorder } from "./record/recorder.js";
import { Checkpointer } from "./checkpoints/checkpointer.js";
import type { SavedCheckpoint } from "./checkpoints/checkpointer.js";
import type { EngineRule } from "./service/engine-rule.js";
import type { WorkerSession } from "./service/worker-session.js";
import { Sessions } from "./service/worker-sessions.js";
import type { Farewell } from "./service/worker-sessions.js";
import { StepSum } from "./gradient/step-sum.js";

/** Interval of the machine's ticks, ms: slow workers are detected at ticks. */
const tickInterval = 250;

export interface ConductorOptions {
  readonly machine: ClusterMachine;
  readonly replica: Replica;
  readonly sources: LeaseSources;
  readonly recorder: RunRecorder;
  readonly logger: Logger;
  /** Admits workers by what they compute with. */
  readonly engines: EngineRule;
  readonly allReduceDtype: VectorDtype;
  /** An interrupted run continues after this step: discard the record of later ones. */
  readonly onRecovered: (step: StepNumber) => void;
  /** The checkpoint that the run continues from. */
  readonly checkpoint: SavedCheckpoint | undefined;
  /** Writes a checkpoint of a state that no longer changes; returns its path. */
  readonly save: (state: ReplicaState, best: BestState | undefined) => Promise<string>;
  /** Compares generated answers with the expected ones, by shard. Undefined: nothing is generated. */
  readonly score?: ((generated: readonly (readonly Int32Array[])[]) => Promise<AnswerScores>) | undefined;
  readonly clock: Clock;
  /** Workers are told to return when the run ends, in whatever way. Default: only if its coordinator is restarted. */
  readonly workersReturn?: boolean;
}

/** Whether an event may change the workers or what the run waits for; other changes appear with the next tick. */
const showsIn = ({ type }: Event): boolean =>
  type === "tick" || type === "joined" || type === "ready" || type === "left" || type === "draining" || type === "stop";

const processOf = ({ host, pid }: { readonly host: string; readonly pid: number }): string => `${pid} ${host}`;

export class Conductor {
  readonly #options: ConductorOptions;
  readonly #sessions: Sessions;
  readonly #sum: StepSum;
  readonly #replica: OwnReplica;
  readonly #checkpointer: Checkpointer;
  readonly #events: Event[] = [];
  #handling = false;
  /** Answers to the sample prompts of the evaluation in flight. */
  #samples: { readonly step: StepNumber; readonly samples: AnswerScores["samples"] } | undefined;
  #farewell: Farewell | undefined;
  readonly #putOutProcesses = new Set<string>();
  readonly #listeners = new Set<(over: boolean) => void>();
  #over = false;
  /** The run was ended by an error, not by the machine, which gets no more events. */
  #abandoned = false;
  readonly #ticker: Timer;
  /** Applies the update of the newest commit. */
  #update: Timer | undefined;
  #settle: { resolve(outcome: Outcome): void; reject(error: unknown): void } = {
    resolve: () => undefined,
    reject: () => undefined,
  };
  /** Resolves when the run is over and everything is on disk; rejects with an internal error. */
  readonly done = new Promise<Outcome>((resolve, reject) => (this.#settle = { resolve, reject }));

  /** Ends the run in an orderly way. */
  readonly #onBug = (error: unknown): void => this.#settle.reject(error);

  constructor(options: ConductorOptions) {
    const dispatch = (event: Event): void => this.dispatch(event);
    // Handled by whoever awaits it; without a handler yet, it must not end the process.
    detach(this.done, () => undefined);
    this.#options = options;
    this.#sessions = new Sessions(options.sources, options.clock);
    const { size } = options.replica;
    this.#sum = new StepSum({ ...options, size, sessions: this.#sessions, dispatch, onBug: this.#onBug });
    this.#replica = new OwnReplica({ ...options, dispatch });
    this.#checkpointer = this.#createCheckpointer(options);
    this.#ticker = options.clock.every(tickInterval, () => this.dispatch({ type: "tick" }));
  }

  dispatch(event: Event): void {
    this.#events.push(event);
    this.#handleEvents();
    if (showsIn(event)) this.#options.recorder.status(this.#options.machine.status());
    for (const listener of this.#listeners) listener(this.#over);
  }

  /**
   * Calls the listener after every event, until the returned function is called. Frequent: once for every message of a
   * worker.
   * @param listener receives whether the run is over
   */
  watch(listener: (over: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** @param apply whether to apply the update of a commit now instead of at the next event */
  #handleEvents(apply = false): void {
    if (this.#handling || this.#abandoned) return;
    this.#handling = true;
    try {
      if (apply) this.#applyCommit();
      while (this.#events.length > 0) {
        // The machine handles no event between a commit and its update.
        this.#applyCommit();
        const next = this.#events.shift();
        if (next === undefined) break;
        for (const effect of this.#options.machine.handle(next, this.#options.clock.now())) this.#carryOut(effect);
      }
    } catch (error) {
      this.#abandon(error);
    } finally {
      this.#handling = false;
    }
  }

  /** If a step cannot be recorded (the disk is full), the run ends without another step; the replica is still intact. */
  #abandon(error: unknown): void {
    if (this.#over || !(error instanceof CoxswainError) || error.code !== "storage") {
      this.#settle.reject(error);
      return;
    }
    this.#over = true;
    this.#abandoned = true;
    this.#ticker.cancel();
    this.#options.logger.error({ error }, "the run ends: its record cannot be written");
    this.#farewell = { reason: "failed", completed: false, returning: this.#options.workersReturn === true };
    this.#sessions.finish(this.#farewell);
    this.#settle.resolve({ kind: "failed", error });
  }

  #applyCommit(): void {
    const committed = this.#replica.apply();
    if (committed !== undefined) this.#events.unshift(committed);
  }

  admit(session: WorkerSession): void {
    this.#sessions.add(session);
    this.#options.recorder.joined(session);
    this.dispatch({ type: "joined", worker: session.id });
  }

  /** The worker's stream has ended, for any reason. */
  dismiss(id: WorkerId, reason: string, how: Departure = "lost"): void {
    const session = this.#sessions.remove(id);
    if (session === undefined) return;
    this.#options.recorder.left(session, reason, how);
    this.dispatch({ type: "left", worker: id, reason });
  }

  /** Whether a worker of this process computed a wrong sum in this run. */
  isPutOut(process: { readonly host: string; readonly pid: number }): boolean {
    return this.#putOutProcesses.has(processOf(process));
  }

  /** Admits workers by what they compute with. */
  get engines(): EngineRule {
    return this.#options.engines;
  }

  session(id: WorkerId): WorkerSession | undefined {
    return this.#sessions.get(id);
  }

  /** The reduced gradient of a recently committed step. */
  reduced(step: StepNumber): Float32Array | undefined {
    return this.#replica.reduced(step);
  }

  status(): MachineStatus {
    return this.#options.machine.status();
  }

  /** Whether a worker may deliver the sum of a node, see `ClusterMachine.standing`. */
  standing(worker: WorkerId, step: StepNumber, node: TreeNode): "announced" | "leased" | undefined {
    return this.#options.machine.standing(worker, step, node);
  }

  /** The message to workers once the run is over, including those that join later; undefined before. */
  get farewell(): Farewell | undefined {
    return this.#farewell;
  }

  /** The workers, with what they reported about themselves, in the order in which they joined. */
  workers(): { readonly known: MachineWorker; readonly session: WorkerSession }[] {
    return this.#options.machine.workers().flatMap((known) => {
      const session = this.#sessions.get(known.id);
      return session === undefined ? [] : [{ known, session }];
    });
  }

  get newestCheckpoint(): SavedCheckpoint | undefined {
    return this.#checkpointer.newest;
  }

  /**
   * Resolves when the step in flight is saved, or the newest committed one if none is in flight. Rejects with a
   * CoxswainError "storage" if it cannot be written. Must not be called after the end of the run.
   */
  checkpoint(): Promise<SavedCheckpoint> {
    const saved = this.#checkpointer.next();
    this.dispatch({ type: "checkpoint" });
    return saved;
  }

  close(): void {
    this.#checkpointer.close();
    this.#listeners.clear();
    this.#ticker.cancel();
    this.#update?.cancel();
    this.#sessions.close();
  }

  #carryOut(effect: Effect): void {
    const { recorder, replica } = this.#options;
    switch (effect.type) {
      case "synchronise":
        return this.#sessions.synchronise(effect);
      case "lease":
        if (effect.task === "train") this.#sum.open(effect.step, effect.roundShards);
        recorder.leased(effect.worker, effect.step, effect.count, effect.kind);
        return this.#sessions.lease(effect);
      case "receive":
        return this.#sum.receive(effect);
      case "accept":
        this.#sum.accept(effect);
        return this.#decideEngine(effect.worker);
      case "keep":
        return this.#sum.keep(effect);
      case "try":
        return this.#sum.try(effect);
      case "verified":
        return recorder.verified(effect.node.count);
      case "putOut":
        return this.#putOut(effect);
      case "undecided":
        return recorder.undecided(effect.workers, effect.step, effect.node);
      case "revoke":
        return this.#sessions.revoke(effect);
      case "reduceSlice":
        return this.#sessions.reduceSlice(effect);
      case "collect":
        return this.#sessions.collect(effect);
      case "allAnnounced":
        return this.#sessions.allAnnounced();
      case "gather":
        return detach(this.#sum.gather(effect), this.#onBug);
      case "meshFailed":
        return recorder.meshFailed(effect.step, effect.reason);
      case "adopt":
        return detach(this.#replica.adopt(effect, this.#sessions.get(effect.worker)), this.#onBug);
      case "recovered":
        this.#options.onRecovered(effect.step);
        return recorder.recovered(effect.step, effect.from);
      case "dismiss":
        this.#sessions.drained(effect.worker);
        return this.dismiss(effect.worker, "drained", "drained");
      case "reduce":
        return this.#replica.reduce(effect, this.#sum);
      case "commit":
        return this.#commit(effect);
      case "replicated":
        return this.#replica.record(effect.step);
      case "evaluated":
        return recorder.evaluated(effect, this.#takeSamples(effect.step));
      case "score":
        return detach(this.#score(effect), this.#onBug);
      case "patienceLost":
        return recorder.patienceLost(effect);
      case "notFinite":
        return recorder.notFinite(effect.step);
      case "mismatch":
        return recorder.mismatch(effect.worker, effect.step);
      case "lost":
        return recorder.lost(effect.worker, effect.count, effect.late, effect.reason);
      case "drop":
        return this.dismiss(effect.worker, effect.reason);
      case "save":
        return this.#checkpointer.write(replica.snapshot(), effect.best);
      case "checkpoint":
        return this.#checkpointer.give(effect.step);
      case "paused":
        recorder.paused(effect.step, effect.by);
        return recorder.status(this.status());
      case "resumed":
        recorder.resumed(effect.step, effect.by);
        return recorder.status(this.status());
      case "saveFailed":
        return recorder.saveFailed(effect.step, effect.error);
      case "finish":
        return this.#finish(effect.outcome);
    }
  }

  async #score({ step, generated }: EffectOf<"score">): Promise<void> {
    const scores = await this.#options.score?.(generated);
    this.#samples = { step, samples: scores?.samples ?? [] };
    this.dispatch({ type: "scored", step, exactMatch: scores?.exactMatch });
  }

  /** The first accepted shard determines what the run is computed with; workers that differ leave. */
  #decideEngine(worker: WorkerId): void {
    const { engines } = this.#options;
    const computation = this.#sessions.get(worker)?.computation;
    if (computation === undefined || !engines.accepted(computation)) return;
    for (const session of this.#sessions.all) {
      const refusal = session.computation && engines.admit(session.computation);
      if (refusal === undefined) continue;
      session.refuse(refusal);
      this.dismiss(session.id, refusal);
    }
  }

  /** The worker's sum is wrong: it leaves, and its process may not return. */
  #putOut({ worker, step, node, agreed }: EffectOf<"putOut">): void {
    const session = this.#sessions.get(worker);
    const reason = this.#options.recorder.putOut(worker, step, node, agreed);
    if (session === undefined) return;
    this.#putOutProcesses.add(processOf(session));
    session.refuse(reason);
    this.dismiss(worker, reason);
  }

  #takeSamples(step: StepNumber): AnswerScores["samples"] {
    const found = this.#samples;
    this.#samples = undefined;
    return found?.step === step ? found.samples : [];
  }

  #commit(effect: CommitEffect): void {
    this.#replica.commit(effect);
    this.#sessions.commit(effect);
    // Messages are sent at the end of this turn of the event loop, so that workers do not wait for our own update.
    this.#update?.cancel();
    this.#update = this.#options.clock.soon(() => this.#handleEvents(true));
  }

  #createCheckpointer({ checkpoint, save, recorder, clock }: ConductorOptions): Checkpointer {
    return new Checkpointer({
      newest: checkpoint,
      write: save,
      onSaved: ({ step, path }, seconds) => {
        this.#replica.record(step);
        recorder.saved(step, seconds, path);
        this.dispatch({ type: "saved", step });
      },
      onFailed: (step, error) => this.dispatch({ type: "saveFailed", step, error }),
      clock,
    });
  }

  #finish(outcome: Outcome): void {
    this.#ticker.cancel();
    this.#replica.record(this.#options.replica.step);
    const finish = {
      reason: outcome.kind,
      completed: outcome.kind === "completed",
      returning: this.#options.workersReturn === true || (outcome.kind === "stopped" && outcome.returning),
    };
    this.#farewell = finish;
    this.#sessions.finish(finish);
    const { committed, best } = this.status();
    this.#options.recorder.finished(outcome, { step: committed, best: best?.best });
    this.#over = true;
    this.#settle.resolve(outcome);
  }
}
