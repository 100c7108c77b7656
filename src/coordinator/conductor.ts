/**
 * Carries out what the state machine decides: owns the machine, the workers' sessions, the coordinator's replica and the
 * gradients of the step in flight. Events come in, effects go out, one after another; nothing is decided here.
 */
import { TreeSum, VectorPool, vectorBytes } from "../collective/index.js";
import type { TreeNode, VectorDtype } from "../collective/index.js";
import { CoxswainError, messageOf } from "../errors.js";
import type { StepNumber } from "../ids.js";
import { globalNorm } from "../optim/index.js";
import type { Replica, ReplicaState } from "../optim/index.js";
import { writtenOnce } from "../rpc/index.js";
import type { CoordinatorMessage, Part, Peer } from "../rpc/index.js";
import type { Departure, Logger } from "../telemetry/index.js";
import { shardMessages } from "./leases.js";
import type { LeaseSources } from "./leases.js";
import type {
  ClusterMachine,
  CommitEffect,
  Effect,
  Event,
  MachineStatus,
  MachineWorker,
  Outcome,
  ReducedSlice,
  WorkerId,
} from "./machine/index.js";
import type { RunRecorder } from "./recorder.js";
import { Saves } from "./saves.js";
import type { SavedCheckpoint } from "./saves.js";
import type { WorkerSession } from "./session.js";

/** Reduced gradients kept for workers that are a step late. */
const reducedKept = 2;

/** How often the machine is told that time passes, ms: how soon a slow worker is helped. */
const tickInterval = 250;

export interface ConductorOptions {
  readonly machine: ClusterMachine;
  readonly replica: Replica;
  readonly sources: LeaseSources;
  readonly recorder: RunRecorder;
  readonly logger: Logger;
  readonly allReduceDtype: VectorDtype;
  /** An interrupted run goes on after this step: forget what was recorded of later ones. */
  readonly onRecovered: (step: StepNumber) => void;
  /** The checkpoint that the run goes on from. */
  readonly checkpoint: SavedCheckpoint | undefined;
  /** Writes a checkpoint of a state that no longer changes; gives its path. */
  readonly save: (state: ReplicaState) => Promise<string>;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Wall clock, ms. */
  readonly wallClock: () => number;
}

/** Contributions that come to the coordinator at once. */
const receivedAtOnce = 8;

type ReceiveEffect = Extract<Effect, { type: "receive" }>;

/** How long a reducer may wait to hear of a sum while others are still being computed, ms: the last one is told at once. */
const collectDelay = 5;

/** Whether an event may change who is there, or what is waited for; the rest shows with the next tick. */
const showsIn = ({ type }: Event): boolean =>
  type === "tick" || type === "joined" || type === "ready" || type === "left" || type === "draining" || type === "stop";

const keyOf = (worker: WorkerId, step: StepNumber, { first, count }: TreeNode): string =>
  `${worker} ${step}:${first}:${count}`;

/** How the run ended, as its workers are told. */
export interface Farewell {
  readonly reason: string;
  readonly completed: boolean;
  readonly returning: boolean;
}

export class Conductor {
  readonly #options: ConductorOptions;
  readonly #sessions = new Map<WorkerId, WorkerSession>();
  readonly #events: Event[] = [];
  #handling = false;
  /** The tree of the step in flight, for the sums that come here. */
  #tree: { readonly step: StepNumber; readonly sum: TreeSum } | undefined;
  /** The gradient of the step in flight as it is gathered from workers that reduce it. */
  #gathered: { readonly step: StepNumber; readonly vector: Float32Array } | undefined;
  readonly #pool: VectorPool;
  /** Announced, and not asked for yet. */
  readonly #toReceive: ReceiveEffect[] = [];
  #receiving = 0;
  /** Received, not yet accepted. */
  readonly #inbox = new Map<string, Float32Array>();
  readonly #reduced = new Map<StepNumber, Float32Array>();
  #collectTimer: NodeJS.Timeout | undefined;
  /** What reducers are to be told when that fires, or when no more is to come. */
  readonly #collects = new Map<
    string,
    { readonly reducer: WorkerSession; readonly collect: { step: number; slice: number; parts: Part[] } }
  >();
  /** The newest commit as it is to be recorded, while no worker has applied it. */
  #unrecorded: { readonly step: StepNumber; readonly record: () => void } | undefined;
  /** The update of the newest commit, while the replica has not taken it. */
  #toApply: (() => void) | undefined;
  /** When the sum was complete, ms. */
  #reduceStart = 0;
  #farewell: Farewell | undefined;
  readonly #saves: Saves;
  /** Those who want a checkpoint, while it is open of which step. */
  readonly #askers: ((saved: Promise<SavedCheckpoint>) => void)[] = [];
  readonly #listeners = new Set<(over: boolean) => void>();
  #over = false;
  readonly #ticker: NodeJS.Timeout;
  #settle: { resolve(outcome: Outcome): void; reject(error: unknown): void } = {
    resolve: () => undefined,
    reject: () => undefined,
  };
  /** Settles once: when the run is over and all is on disk, or with a bug of ours. */
  readonly done = new Promise<Outcome>((resolve, reject) => (this.#settle = { resolve, reject }));

  constructor(options: ConductorOptions) {
    this.#options = options;
    this.#pool = new VectorPool(options.replica.size);
    this.#saves = this.#createSaves(options);
    this.#ticker = setInterval(() => this.dispatch({ type: "tick" }), tickInterval);
  }

  dispatch(event: Event): void {
    this.#events.push(event);
    this.#handleEvents();
    if (showsIn(event)) this.#options.recorder.status(this.#options.machine.status());
    for (const listener of this.#listeners) listener(this.#over);
  }

  /**
   * Listens for anything that happens, until what is given back is called. Called often: once for every message of a
   * worker.
   * @param listener is told whether the run is over
   */
  watch(listener: (over: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param apply the update of a commit need not wait for the next event */
  #handleEvents(apply = false): void {
    if (this.#handling) return;
    this.#handling = true;
    try {
      if (apply) this.#applyCommit();
      while (this.#events.length > 0) {
        // Nothing is decided between a commit and its update.
        this.#applyCommit();
        const next = this.#events.shift();
        if (next === undefined) break;
        for (const effect of this.#options.machine.handle(next, this.#options.now())) this.#carryOut(effect);
      }
    } catch (error) {
      this.#settle.reject(error);
    } finally {
      this.#handling = false;
    }
  }

  admit(session: WorkerSession): void {
    this.#sessions.set(session.id, session);
    this.#options.recorder.joined(session);
    this.dispatch({ type: "joined", worker: session.id });
  }

  /** The worker's stream is over, for whatever reason. */
  dismiss(id: WorkerId, reason: string, how: Departure = "lost"): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    session.close();
    this.#options.recorder.left(session, reason, how);
    this.dispatch({ type: "left", worker: id, reason });
  }

  session(id: WorkerId): WorkerSession | undefined {
    return this.#sessions.get(id);
  }

  /** The reduced gradient of a step that was committed lately. */
  reduced(step: StepNumber): Float32Array | undefined {
    return this.#reduced.get(step);
  }

  status(): MachineStatus {
    return this.#options.machine.status();
  }

  /** What workers are told once the run is over, those that come later too; undefined before. */
  get farewell(): Farewell | undefined {
    return this.#farewell;
  }

  /** Those who take part, with what they said of themselves, in the order in which they came. */
  workers(): { readonly known: MachineWorker; readonly session: WorkerSession }[] {
    return this.#options.machine.workers().flatMap((known) => {
      const session = this.#sessions.get(known.id);
      return session === undefined ? [] : [{ known, session }];
    });
  }

  get newestCheckpoint(): SavedCheckpoint | undefined {
    return this.#saves.newest;
  }

  /**
   * Resolves when the step in flight is saved; where nothing is in flight, the newest committed one. Rejects with a
   * CoxswainError "storage" where it cannot be written. Not to be called once the run has ended.
   */
  checkpoint(): Promise<SavedCheckpoint> {
    const saved = new Promise<SavedCheckpoint>((resolve) => this.#askers.push(resolve));
    this.dispatch({ type: "checkpoint" });
    return saved;
  }

  close(): void {
    this.#answerAskers(Promise.reject(new CoxswainError("cluster", "the coordinator ended before the checkpoint")));
    this.#listeners.clear();
    clearInterval(this.#ticker);
    clearTimeout(this.#collectTimer);
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
  }

  #carryOut(effect: Effect): void {
    const { recorder, replica } = this.#options;
    switch (effect.type) {
      case "synchronise":
        this.#sessions.get(effect.worker)?.send({ synchronise: { step: effect.step } });
        return;
      case "lease":
        return this.#lease(effect);
      case "receive":
        // What is pushed comes by itself, and nobody waits for it to come first.
        if (this.#sessions.get(effect.worker)?.pushes === true) return void this.#receive(effect);
        this.#toReceive.push(effect);
        return this.#receiveNext();
      case "accept":
        return this.#accept(effect);
      case "revoke":
        return this.#revoke(effect);
      case "reduceSlice":
        return this.#reduceSlice(effect);
      case "collect":
        return this.#collect(effect);
      case "allAnnounced":
        return this.#sendCollects();
      case "gather":
        return void this.#gather(effect);
      case "meshFailed":
        return recorder.meshFailed(effect.step, effect.reason);
      case "adopt":
        return void this.#adopt(effect);
      case "recovered":
        this.#options.onRecovered(effect.step);
        return recorder.recovered(effect.step, effect.from);
      case "dismiss":
        return this.#dismissDrained(effect.worker);
      case "reduce":
        return this.#reduce(effect);
      case "commit":
        return this.#commit(effect);
      case "replicated":
        return this.#record(effect.step);
      case "evaluated":
        return recorder.evaluated(effect.step, effect.loss);
      case "notFinite":
        return recorder.notFinite(effect.step);
      case "mismatch":
        return recorder.mismatch(effect.worker, effect.step);
      case "lost":
        return recorder.lost(effect.worker, effect.count, effect.late, effect.reason);
      case "drop":
        return this.dismiss(effect.worker, effect.reason);
      case "save":
        return this.#saves.write(replica.snapshot());
      case "checkpoint":
        return this.#answerAskers(this.#saves.of(effect.step));
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

  #lease(effect: Extract<Effect, { type: "lease" }>): void {
    const { worker, task, step, first, count, roundShards, kind } = effect;
    const session = this.#sessions.get(worker);
    if (task === "train" && this.#tree?.step !== step) {
      const release = (vector: Float32Array): void => this.#pool.give(vector);
      this.#tree = { step, sum: new TreeSum(roundShards, { precision: this.#options.allReduceDtype, release }) };
      this.#gathered = undefined;
    }
    this.#options.recorder.leased(worker, step, count, kind);
    session?.send({
      lease: {
        task: task === "train" ? "TASK_TRAIN" : "TASK_EVALUATE",
        step,
        first,
        shards: shardMessages(this.#options.sources, effect),
        roundShards,
        push: session.pushes,
      },
    });
  }

  /** A star of many workers announces more at once than there is memory for. */
  #receiveNext(): void {
    while (this.#receiving < receivedAtOnce) {
      const next = this.#toReceive.shift();
      if (next === undefined) return;
      this.#receiving++;
      void this.#receive(next).finally(() => {
        this.#receiving--;
        this.#receiveNext();
      });
    }
  }

  async #receive({ worker, step, node }: ReceiveEffect): Promise<void> {
    const session = this.#sessions.get(worker);
    if (session === undefined || this.#tree?.step !== step) return;
    const { allReduceDtype } = this.#options;
    const into = this.#pool.take();
    try {
      const vector = await session.receive(step, node, into, allReduceDtype);
      if (vector !== into) this.#pool.give(into);
      this.#received({ type: "received", worker, step, node }, vector);
    } catch (error) {
      this.#pool.give(into);
      this.#options.logger.warn({ worker, step, ...node, error: messageOf(error) }, "a contribution did not arrive");
      // From now on the worker pushes: perhaps it can be heard but not reached.
      session.pushes = true;
      this.dispatch({ type: "receiveFailed", worker, step, node });
    }
  }

  #received(event: Extract<Event, { type: "received" }>, vector: Float32Array): void {
    const key = keyOf(event.worker, event.step, event.node);
    this.#options.recorder.received(vectorBytes(vector.length, this.#options.allReduceDtype));
    this.#inbox.set(key, vector);
    this.dispatch(event);
    // It was not accepted.
    if (this.#inbox.delete(key)) this.#pool.give(vector);
  }

  #accept({ worker, step, node }: Extract<Effect, { type: "accept" }>): void {
    const key = keyOf(worker, step, node);
    const vector = this.#inbox.get(key);
    if (vector === undefined || this.#tree?.step !== step)
      throw new CoxswainError("bug", `accepted shards ${node.first}+${node.count} of step ${step}, which are not here`);
    if (this.#tree.sum.add(node, vector)) this.#inbox.delete(key);
  }

  #revoke({ worker, task, step, first, count }: Extract<Effect, { type: "revoke" }>): void {
    const revoke = { task: task === "train" ? "TASK_TRAIN" : "TASK_EVALUATE", step, first, count } as const;
    this.#sessions.get(worker)?.send({ revoke });
  }

  #reduceSlice({ worker, step, slice, roundShards }: Extract<Effect, { type: "reduceSlice" }>): void {
    const { index, offset, length } = slice;
    this.#sessions.get(worker)?.send({ reduce: { step, slice: index, offset, length, roundShards } });
  }

  #collect({ worker, step, slice, node, source }: Extract<Effect, { type: "collect" }>): void {
    const [reducer, other] = [this.#sessions.get(worker), this.#sessions.get(source)];
    if (reducer === undefined || other === undefined) return;
    // What comes about the same time is said together: workers times reducers would be a lot of messages.
    this.#collectTimer ??= setTimeout(() => this.#sendCollects(), collectDelay);
    const key = `${worker} ${step} ${slice}`;
    const entry = this.#collects.get(key) ?? { reducer, collect: { step, slice, parts: [] } };
    this.#collects.set(key, entry);
    entry.collect.parts.push({ ...node, source: reducer.introduce(other) });
  }

  #sendCollects(): void {
    clearTimeout(this.#collectTimer);
    this.#collectTimer = undefined;
    const entries = [...this.#collects.values()];
    this.#collects.clear();
    for (const { reducer, collect } of entries) reducer.send({ collect });
  }

  async #gather({ worker, step, slice }: Extract<Effect, { type: "gather" }>): Promise<void> {
    const { replica, recorder, logger, allReduceDtype } = this.#options;
    // Not where it is to lie: another pull of the slice, given up on, may still bring damage.
    const part = this.#pool.take(slice.length);
    try {
      const session = this.#sessions.get(worker);
      if (session === undefined) return;
      await session.gather(step, slice, part, allReduceDtype);
      if (this.#tree?.step !== step) return;
      recorder.received(vectorBytes(slice.length, allReduceDtype));
      if (this.#gathered?.step !== step) this.#gathered = { step, vector: new Float32Array(replica.size) };
      this.#gathered.vector.set(part, slice.offset);
      this.dispatch({ type: "gathered", worker, step, slice: slice.index });
    } catch (error) {
      logger.warn({ worker, step, slice: slice.index, error: messageOf(error) }, "a reduced slice did not arrive");
      this.dispatch({ type: "gatherFailed", worker, step, slice: slice.index });
    } finally {
      this.#pool.give(part);
    }
  }

  /** Takes over what a worker still has of this run, if it is what it said. */
  async #adopt({ worker, replica: offered }: Extract<Effect, { type: "adopt" }>): Promise<void> {
    const { replica, logger } = this.#options;
    const before = replica.snapshot();
    try {
      const held = await this.#sessions.get(worker)?.replica(replica.size);
      if (held === undefined) return;
      replica.restore(held.step, held.bytes);
      if (replica.step !== offered.step || replica.hash() !== offered.hash)
        throw new CoxswainError("network", `what it sent is not the state of step ${offered.step} that it offered`);
      this.dispatch({ type: "adopted", worker, replica: offered });
    } catch (error) {
      replica.assign(before);
      logger.warn(
        { worker, step: offered.step, error: messageOf(error) },
        "a worker's replica could not be taken over",
      );
      this.dispatch({ type: "adoptFailed", worker });
    }
  }

  /** It asked to go, and everything that it had is here. */
  #dismissDrained(worker: WorkerId): void {
    const session = this.#sessions.get(worker);
    session?.send({ finish: { reason: "drained", completed: false, returning: false } });
    this.dismiss(worker, "drained", "drained");
  }

  #reduce({ step, tokens }: Extract<Effect, { type: "reduce" }>): void {
    if (this.#tree?.step !== step) throw new CoxswainError("bug", `no tree for step ${step}`);
    this.#reduceStart = this.#options.now();
    const vector = this.#tree.sum.complete ? this.#tree.sum.result() : this.#gathered?.vector;
    if (vector === undefined) throw new CoxswainError("bug", `step ${step} was reduced and its sum is not here`);
    this.#tree = undefined;
    this.#gathered = undefined;
    this.#reduced.set(step, vector);
    this.#reduced.delete((step - reducedKept) as StepNumber);
    this.dispatch({ type: "reduced", step, gradNorm: globalNorm(vector, 1 / tokens) });
  }

  #commit(effect: CommitEffect): void {
    const { replica, recorder, now } = this.#options;
    const { step, learningRate, scale } = effect;
    const gradient = this.#reduced.get(step);
    if (gradient === undefined) throw new CoxswainError("bug", `no reduced gradient for step ${step}`);
    const endedAt = now();
    const timing = { reduceSeconds: (endedAt - this.#reduceStart) / 1000, endedAt };
    this.#record(step);
    this.#unrecorded = { step, record: recorder.committing(effect, timing) };
    this.#sendCollects();
    const send = this.#commitSender({ step, learningRate, scale }, effect.slices);
    for (const worker of effect.workers) send(worker);
    for (const session of this.#sessions.values()) session.release(step);
    // What is written leaves at the end of this turn of the event loop: workers need not wait for our own update.
    this.#toApply = () => {
      const start = now();
      replica.apply({ step, gradient, learningRate, scale });
      const hash = replica.hash();
      recorder.applied((now() - start) / 1000);
      this.#events.unshift({ type: "committed", step, hash });
    };
    setImmediate(() => this.#handleEvents(true));
  }

  #applyCommit(): void {
    const apply = this.#toApply;
    this.#toApply = undefined;
    apply?.();
  }

  /** Tells the world of commits up to `step`: they are in a worker's replica, or on the disk. */
  #record(step: StepNumber): void {
    if (this.#unrecorded === undefined || this.#unrecorded.step > step) return;
    this.#unrecorded.record();
    this.#unrecorded = undefined;
  }

  /** Commits are written once, and once more for each worker that has to be told how to reach a reducer. */
  #commitSender(
    commit: { step: StepNumber; learningRate: number; scale: number },
    reduced: readonly ReducedSlice[],
  ): (worker: WorkerId) => void {
    const slices = reduced.map(({ offset, length, reducer }) => ({
      offset,
      length,
      reducer: reducer === undefined ? undefined : this.#sessions.get(reducer),
    }));
    const message = (peer: (reducer: WorkerSession) => Peer): CoordinatorMessage => ({
      commit: {
        ...commit,
        slices: slices.map(({ reducer, ...slice }) => ({
          ...slice,
          reducer: reducer === undefined ? null : peer(reducer),
        })),
      },
    });
    const common = writtenOnce(message(({ id }) => ({ workerId: id })));
    return (worker) => {
      const session = this.#sessions.get(worker);
      if (session === undefined) return;
      const knowsAll = slices.every(({ reducer }) => reducer === undefined || session.knows(reducer));
      session.send(knowsAll ? common : message((reducer) => session.introduce(reducer)));
    };
  }

  #createSaves({ checkpoint, save, recorder, now, wallClock }: ConductorOptions): Saves {
    return new Saves({
      newest: checkpoint,
      write: save,
      onSaved: ({ step, path }, seconds) => {
        this.#record(step);
        recorder.saved(step, seconds, path);
        this.dispatch({ type: "saved", step });
      },
      onFailed: (step, error) => this.dispatch({ type: "saveFailed", step, error }),
      now,
      wallClock,
    });
  }

  /** All who asked so far get the same checkpoint. */
  #answerAskers(saved: Promise<SavedCheckpoint>): void {
    // Whether anybody waits for it or not.
    saved.catch(() => undefined);
    for (const answer of this.#askers.splice(0)) answer(saved);
  }

  #finish(outcome: Outcome): void {
    clearInterval(this.#ticker);
    this.#record(this.#options.replica.step);
    const reasons = { completed: "completed", stopped: "stopped", failed: "failed" };
    const finish = {
      reason: reasons[outcome.kind],
      completed: outcome.kind === "completed",
      returning: outcome.kind === "stopped" && outcome.returning,
    };
    this.#farewell = finish;
    for (const session of this.#sessions.values()) session.send({ finish });
    this.#options.recorder.finished(outcome);
    this.#over = true;
    this.#settle.resolve(outcome);
  }
}
