/**
 * A simulated cluster around the coordinator's state machine, in virtual time: workers of different speeds that join,
 * compute, fold, deliver, reduce slices, apply, freeze and die; a coordinator that is killed and goes on from what the
 * workers have; messages that take a random time but stay in order on each stream. Gradients are a few real floats that
 * are really added up, so that every committed sum is compared with the canonical one, bit by bit.
 */
import { TreeSum, children, root, squareSumBlock } from "../../src/collective/index.js";
import type { TreeNode } from "../../src/collective/index.js";
import { ClusterMachine } from "../../src/coordinator/machine/index.js";
import type {
  Effect,
  Event,
  MachineSettings,
  Outcome,
  ReducedSlice,
  Slice,
} from "../../src/coordinator/machine/index.js";
import { stepNumber } from "../../src/ids.js";
import { LeasePlan } from "../../src/worker/machine/lease-plan.js";

export interface SimulationOptions {
  readonly settings: Partial<MachineSettings> & { readonly totalSteps: number; readonly shards: number };
  /** The next random number in [0, 1). */
  readonly random: () => number;
  /** Seconds a shard of each worker. */
  readonly workers: readonly number[];
  /** Workers that others cannot reach, by their place. */
  readonly unreachable?: readonly number[];
  /** Messages take between these, ms. */
  readonly latency?: readonly [number, number];
  /** Mean time between deaths of a worker, ms; one that died is back after `rebirth` ms. */
  readonly deathsEvery?: number;
  readonly rebirth?: number;
  /** Mean time between freezes, ms, and how long one lasts. */
  readonly freezesEvery?: number;
  readonly freezeFor?: number;
  /** Mean time between deaths of the coordinator, ms; it is back after 1 s. */
  readonly coordinatorDeathsEvery?: number;
  /** Mean time between pauses, ms, and how long one is asked for. */
  readonly pausesEvery?: number;
  readonly pauseFor?: number;
  /** Mean time between checkpoints that are asked for, ms. */
  readonly checkpointsEvery?: number;
  /** No deaths, freezes or pauses after this time, ms: some faults come too thick for any step to end between them. */
  readonly faultsUntil?: number;
  /** Chance that a pull fails. */
  readonly losses?: number;
}

/** Elements of the simulated gradient; each stands for a block of the real one. */
const elements = 16;
const gradientSize = elements * squareSumBlock;

/** What there is none of while a run is paused. */
const progress: ReadonlySet<Effect["type"]> = new Set<Effect["type"]>([
  "lease",
  "receive",
  "reduceSlice",
  "collect",
  "gather",
  "reduce",
  "commit",
  "evaluated",
  "lost",
]);

type LeaseEffect = Extract<Effect, { type: "lease" }>;

/** What a worker is told: effects that concern it, in order. */
type Told =
  | Extract<Effect, { type: "synchronise" | "lease" | "revoke" | "reduceSlice" | "collect" | "dismiss" | "finish" }>
  | { readonly type: "commit"; readonly step: number; readonly slices: readonly ReducedSlice[] };

export class ClusterSimulation {
  machine: ClusterMachine;
  now = 0;
  outcome: Outcome | undefined;
  /** Hash of the state after each committed step; a step that was lost and repeated must give the same. */
  readonly states = new Map<number, string>([[0, "start"]]);
  readonly evaluations: number[] = [];
  /** Steps of the checkpoints that were asked for, in order. */
  readonly checkpoints: number[] = [];
  readonly stepTimes: number[] = [];
  /** How often each kind of effect was asked for. */
  readonly counts = new Map<string, number>();
  /** Virtual seconds that workers computed, and those that ended in a committed step. */
  computedSeconds = 0;
  usefulSeconds = 0;
  events = 0;
  /** Real time in the machine, ms. */
  machineTime = 0;
  readonly settings: MachineSettings;
  readonly options: SimulationOptions;
  readonly workers = new Set<SimulatedWorker>();
  committed = 0;
  /** The newest step that was told to the world. */
  recorded = 0;
  /** Steps that were told to the world and had to be repeated. */
  lost = 0;
  /** Reduced gradients of the last steps. */
  readonly reduced = new Map<number, Float32Array>();
  readonly #heap = new Heap();
  #sessions = new Map<string, SimulatedWorker>();
  #tree: { step: number; sum: TreeSum } | undefined;
  #gathered: Float32Array | undefined;
  readonly #inbox = new Map<string, Float32Array>();
  #savedStep = 0;
  readonly #saving = new Set<number>();
  /** Between the effects `paused` and `resumed`. */
  #paused = false;
  /** The newest step when a checkpoint was asked for that was not given yet. */
  #askedAt: number | undefined;
  #stepStart = 0;
  #evaluated = new Set<number>();
  /** Which life of the coordinator it is. */
  life = 0;
  #down = false;
  #born = 0;

  constructor(options: SimulationOptions) {
    this.options = options;
    const { shards, ...settings } = options.settings;
    this.settings = {
      minWorkers: 1,
      silenceTimeout: 15_000,
      float16: false,
      saveSteps: 4,
      evalSteps: null,
      evaluationShards: 0,
      shardsOf: () => shards,
      learningRate: () => 1,
      clipCoefficient: () => 1,
      evaluated: (step) => this.#evaluated.has(step),
      gradientSize,
      reducers: () => 0,
      ...settings,
    };
    this.machine = this.#start();
    options.workers.forEach((seconds, index) => this.#birth(seconds, !(options.unreachable ?? []).includes(index)));
    this.#tick();
    this.#every(options.deathsEvery, () => this.kill(this.#anyone(), options.rebirth ?? 2_000));
    this.#every(options.freezesEvery, () => this.#anyone()?.freeze(options.freezeFor ?? 5_000));
    this.#every(options.coordinatorDeathsEvery, () => this.killCoordinator(1_000));
    this.#every(options.pausesEvery, () => this.#pause(options.pauseFor ?? 3_000));
    this.#every(options.checkpointsEvery, () => this.#askForCheckpoint());
  }

  /** Runs until the machine finishes; throws when nothing can happen any more, or after too long a time. */
  run(limit = 1e7): Outcome {
    while (this.outcome === undefined) {
      const next = this.#heap.pop();
      if (next === undefined) throw new Error("nothing can happen any more: deadlock");
      this.now = next.time;
      if (this.now > limit)
        throw new Error(
          `not finished after ${limit} ms: at step ${this.committed}, ${this.machine.status().waiting ?? "no wait"}`,
        );
      next.run();
    }
    if (this.#askedAt !== undefined) throw new Error("a checkpoint was asked for and never given");
    return this.outcome;
  }

  at(delay: number, run: () => void): void {
    this.#heap.push(this.now + delay, run);
  }

  random(): number {
    return this.options.random();
  }

  delay(): number {
    const [low, high] = this.options.latency ?? [0.2, 2];
    return low + (high - low) * this.random();
  }

  /** A message of a worker's session; dropped when its coordinator is another life. */
  send(event: Event, life = this.life): void {
    if (this.#down || life !== this.life || this.outcome !== undefined) return;
    this.events++;
    const start = performance.now();
    const effects = this.machine.handle(event, this.now);
    this.machineTime += performance.now() - start;
    const atOnce: Event[] = [];
    for (const effect of effects) this.#carryOut(effect, atOnce);
    for (const next of atOnce) this.send(next, life);
  }

  attend(worker: SimulatedWorker): void {
    this.#sessions.set(worker.id, worker);
  }

  get up(): boolean {
    return !this.#down;
  }

  find(id: string): SimulatedWorker | undefined {
    return [...this.workers].find((worker) => worker.id === id);
  }

  /** SIGKILL. */
  kill(worker: SimulatedWorker | undefined, rebirth: number): void {
    if (worker === undefined) return;
    this.workers.delete(worker);
    worker.die();
    const { life } = this;
    this.at(this.delay(), () => this.#leave(worker.id, "killed", life));
    this.at(rebirth, () => this.#birth(worker.seconds, worker.reachable));
  }

  killCoordinator(back: number): void {
    if (this.#down || this.outcome !== undefined) return;
    this.#down = true;
    this.#sessions.clear();
    this.#tree = undefined;
    this.#gathered = undefined;
    this.#saving.clear();
    this.#paused = false;
    this.#askedAt = undefined;
    this.reduced.clear();
    for (const worker of this.workers) worker.disconnect();
    this.at(back, () => {
      this.committed = this.#savedStep;
      this.#down = false;
      this.life++;
      this.machine = this.#start();
      this.#stepStart = this.now;
    });
  }

  #start(): ClusterMachine {
    const saved = this.#savedStep;
    return new ClusterMachine(
      {
        ...this.settings,
        ...(this.life > 0 ? { recovery: { survivors: this.workers.size, timeout: 10_000 } } : {}),
      },
      { step: stepNumber(saved), hash: this.states.get(saved) ?? "", saved: saved > 0 },
    );
  }

  #tick(): void {
    this.at(250, () => {
      this.send({ type: "tick" });
      this.#tick();
    });
  }

  #every(mean: number | undefined, run: () => void): void {
    if (mean === undefined) return;
    this.at(mean * (0.5 + this.random()), () => {
      if (this.now > (this.options.faultsUntil ?? Infinity)) return;
      run();
      this.#every(mean, run);
    });
  }

  /** Two people at once, of whom the first is heeded. */
  #pause(duration: number): void {
    for (const by of ["ann", "bob"]) this.send({ type: "pause", by });
    this.at(duration, () => this.send({ type: "resume", by: "ann" }));
  }

  #askForCheckpoint(): void {
    if (this.#down || this.outcome !== undefined) return;
    this.#askedAt ??= this.committed;
    this.send({ type: "checkpoint" });
  }

  #anyone(): SimulatedWorker | undefined {
    return [...this.workers][Math.floor(this.random() * this.workers.size)];
  }

  #birth(seconds: number, reachable: boolean): void {
    const worker = new SimulatedWorker(this, this.#born++, seconds, reachable);
    this.workers.add(worker);
    worker.connect();
  }

  #leave(id: string, reason: string, life: number): void {
    if (life !== this.life) return;
    this.#sessions.delete(id);
    this.send({ type: "left", worker: id, reason }, life);
  }

  #tell(id: string, told: Told): void {
    this.#sessions.get(id)?.hear(told);
  }

  #carryOut(effect: Effect, atOnce: Event[]): void {
    this.counts.set(effect.type, (this.counts.get(effect.type) ?? 0) + 1);
    if (this.#paused && progress.has(effect.type)) throw new Error(`${effect.type} while the run is paused`);
    switch (effect.type) {
      case "synchronise":
      case "revoke":
      case "reduceSlice":
      case "collect":
        return this.#tell(effect.worker, effect);
      case "lease":
        if (this.#tree?.step !== effect.step && effect.task === "train")
          this.#tree = { step: effect.step, sum: new TreeSum(effect.roundShards) };
        return this.#tell(effect.worker, effect);
      case "dismiss": {
        const worker = this.#sessions.get(effect.worker);
        this.#sessions.delete(effect.worker);
        return worker?.hear(effect);
      }
      case "receive":
        return this.#receive(effect);
      case "accept": {
        const vector = this.#inbox.get(`${effect.worker} ${effect.node.first} ${effect.node.count}`);
        if (vector === undefined) throw new Error("accepted what is not here");
        this.#tree?.sum.add(effect.node, vector.slice());
        return;
      }
      case "gather":
        return this.#gather(effect.worker, effect.step, effect.slice);
      case "reduce":
        return this.#reduce(effect.step, atOnce);
      case "commit":
        return this.#commit(effect, atOnce);
      case "evaluated":
        this.evaluations.push(effect.step);
        this.#evaluated.add(effect.step);
        return;
      case "save": {
        const { life } = this;
        this.#saving.add(effect.step);
        this.at(20, () => {
          if (life === this.life && !this.#down) {
            this.#savedStep = effect.step;
            this.#saving.delete(effect.step);
          }
          this.send({ type: "saved", step: effect.step }, life);
        });
        return;
      }
      case "checkpoint":
        if (effect.step !== this.#savedStep && !this.#saving.has(effect.step))
          throw new Error(`the checkpoint of step ${effect.step} was promised, and nobody saves it`);
        if (effect.step < (this.#askedAt ?? Infinity))
          throw new Error(`a checkpoint of step ${effect.step}, older than the question`);
        this.checkpoints.push(effect.step);
        this.#askedAt = undefined;
        return;
      case "paused":
        if (effect.by !== "ann") throw new Error("another asked first");
        this.#paused = true;
        return;
      case "resumed":
        this.#paused = false;
        return;
      case "adopt":
        return this.#adopt(effect.worker, effect.replica.step, effect.replica.hash);
      case "drop": {
        const worker = this.#sessions.get(effect.worker);
        this.#sessions.delete(effect.worker);
        worker?.refused();
        return;
      }
      case "finish":
        this.outcome = effect.outcome;
        return;
      case "mismatch":
        throw new Error(`${effect.worker} was said to differ at step ${effect.step}`);
      case "notFinite":
        throw new Error(`step ${effect.step} was said to be no number`);
      case "replicated":
        this.recorded = effect.step;
        return;
      case "recovered":
        if (effect.step < this.recorded) this.lost += this.recorded - effect.step;
        this.recorded = effect.step;
        return;
      case "allAnnounced":
      case "lost":
      case "meshFailed":
      case "saveFailed":
        return;
    }
  }

  #receive({ worker: id, step, node }: Extract<Effect, { type: "receive" }>): void {
    const { life } = this;
    const source = this.find(id);
    const stalled = source?.frozen === true;
    this.at(stalled ? 3_000 : this.delay() * 2, () => {
      const vector = this.find(id)?.contribution(step, node, 0, elements);
      if (vector === undefined || stalled || this.#unlucky()) {
        this.send({ type: "receiveFailed", worker: id, step: stepNumber(step), node }, life);
        return;
      }
      this.#inbox.set(`${id} ${node.first} ${node.count}`, vector);
      this.send({ type: "received", worker: id, step: stepNumber(step), node }, life);
    });
  }

  #gather(id: string, step: number, slice: Slice): void {
    const { life } = this;
    const stalled = this.find(id)?.frozen === true;
    this.at(stalled ? 3_000 : this.delay() * 2, () => {
      const { from, to } = elementsOf(slice);
      const vector = this.find(id)?.slice(step, from);
      if (vector === undefined || stalled || this.#unlucky()) {
        this.send({ type: "gatherFailed", worker: id, step: stepNumber(step), slice: slice.index }, life);
        return;
      }
      if (vector.length !== to - from) throw new Error("a slice of another size");
      if (life !== this.life) return;
      this.#gathered ??= new Float32Array(elements);
      this.#gathered.set(vector, from);
      this.send({ type: "gathered", worker: id, step: stepNumber(step), slice: slice.index }, life);
    });
  }

  #reduce(step: number, atOnce: Event[]): void {
    const star = this.#tree?.step === step && this.#tree.sum.complete ? this.#tree.sum.result() : undefined;
    const sum = star ?? this.#gathered;
    if (sum === undefined) throw new Error(`step ${step} was reduced without its sum`);
    const expected = canonicalSum(step, root(this.settings.shardsOf(stepNumber(step))));
    if (!sameBits(sum, expected)) throw new Error(`the sum of step ${step} is not the canonical one`);
    this.reduced.set(step, sum.slice());
    this.reduced.delete(step - 2);
    this.#tree = undefined;
    this.#gathered = undefined;
    atOnce.push({ type: "reduced", step: stepNumber(step), gradNorm: 1 });
  }

  #commit(effect: Extract<Effect, { type: "commit" }>, atOnce: Event[]): void {
    const { step, workers, slices } = effect;
    if (step !== this.committed + 1) throw new Error(`committed step ${step} after ${this.committed}`);
    if (effect.supervisedTokens !== this.settings.shardsOf(step)) throw new Error("a shard's tokens are missing");
    const hash = nextState(this.states.get(step - 1) ?? "", this.reduced.get(step) ?? new Float32Array(0));
    const before = this.states.get(step);
    if (before !== undefined && before !== hash) throw new Error(`step ${step} was repeated with another result`);
    this.states.set(step, hash);
    this.committed = step;
    this.stepTimes.push(this.now - this.#stepStart);
    this.#stepStart = this.now;
    for (const worker of workers) this.#tell(worker, { type: "commit", step, slices });
    atOnce.push({ type: "committed", step, hash });
  }

  #adopt(id: string, step: number, hash: string): void {
    const { life } = this;
    this.at(this.delay() * 3, () => {
      const worker = this.find(id);
      if (worker?.step !== step || worker.frozen) {
        this.send({ type: "adoptFailed", worker: id }, life);
        return;
      }
      this.committed = step;
      this.send({ type: "adopted", worker: id, replica: { step: stepNumber(step), hash } }, life);
    });
  }

  #unlucky(): boolean {
    return this.random() < (this.options.losses ?? 0);
  }
}

/** A worker process as the coordinator and its peers see it: the behaviour of src/worker in virtual time. */
class SimulatedWorker {
  step = -1;
  hash = "";
  dead = false;
  id = "";
  readonly #simulation: ClusterSimulation;
  readonly #name: number;
  #lives = 0;
  #connected = false;
  #life = 0;
  #session = 0;
  #frozenUntil = 0;
  #lastHeard = 0;
  #lastSent = 0;
  #queue: Told[] = [];
  #busy = false;
  #final = 0;
  #leases: LeaseEffect[] = [];
  readonly #plans = new Map<LeaseEffect, LeasePlan>();
  readonly #revoked = new Map<LeaseEffect, { from: number; size: number }[]>();
  readonly #sums = new Map<string, { step: number; vector: Float32Array }>();
  readonly #reducers = new Map<
    number,
    { step: number; slice: Slice; sum: TreeSum; result: Float32Array | undefined }
  >();

  constructor(
    simulation: ClusterSimulation,
    name: number,
    readonly seconds: number,
    readonly reachable: boolean,
  ) {
    this.#simulation = simulation;
    this.#name = name;
  }

  get frozen(): boolean {
    return this.#frozenUntil > this.#simulation.now;
  }

  /** SIGSTOP, and SIGCONT after so many ms. */
  freeze(duration: number): void {
    if (this.frozen) return;
    this.#frozenUntil = this.#simulation.now + duration;
  }

  die(): void {
    this.dead = true;
  }

  connect(): void {
    this.#after(50, () => {
      if (!this.#simulation.up) {
        this.connect();
        return;
      }
      this.#reset();
      this.id = `w${this.#name}.${this.#lives++}`;
      this.#connected = true;
      this.#life = this.#simulation.life;
      this.#simulation.attend(this);
      this.#send({ type: "joined", worker: this.id });
      this.#after(100, () => {
        const replica = this.step < 0 ? undefined : { step: stepNumber(this.step), hash: this.hash };
        this.#send({ type: "ready", worker: this.id, reachable: this.reachable, replica });
        this.#beat(this.#session);
      });
    });
  }

  /** The coordinator is gone. */
  disconnect(): void {
    if (!this.#connected) return;
    this.#reset();
    this.#after(this.#simulation.delay(), () => this.connect());
  }

  /** The coordinator has closed the stream. */
  refused(): void {
    this.disconnect();
  }

  /** What the coordinator says arrives in order, some time later, and when the process runs. */
  hear(told: Told): void {
    const session = this.#session;
    const arrival = Math.max(this.#lastHeard + 0.001, this.#simulation.now + this.#simulation.delay());
    this.#lastHeard = arrival;
    this.#after(arrival - this.#simulation.now, () => {
      if (session === this.#session && this.#connected) this.#onArrival(told);
    });
  }

  contribution(step: number, node: TreeNode, from: number, to: number): Float32Array | undefined {
    if (this.dead) return undefined;
    return this.#sums.get(`${step}:${node.first}:${node.count}`)?.vector.slice(from, to);
  }

  slice(step: number, from: number): Float32Array | undefined {
    if (this.dead) return undefined;
    const found = [...this.#reducers.values()].find(
      (reducer) => reducer.step === step && elementsOf(reducer.slice).from === from,
    );
    return found?.result;
  }

  #reset(): void {
    this.#connected = false;
    this.#session++;
    this.#queue = [];
    this.#busy = false;
    this.#final = 0;
    this.#leases = [];
    this.#plans.clear();
    this.#revoked.clear();
    this.#reducers.clear();
    this.#sums.clear();
  }

  /** Runs in this process: not while it is frozen, never once it is dead. */
  #after(delay: number, run: () => void): void {
    this.#simulation.at(delay, () => {
      if (this.dead) return;
      if (this.frozen) this.#after(this.#frozenUntil - this.#simulation.now, run);
      else run();
    });
  }

  #send(event: Event): void {
    const { now } = this.#simulation;
    const arrival = Math.max(this.#lastSent + 0.001, now + this.#simulation.delay());
    this.#lastSent = arrival;
    const life = this.#life;
    this.#simulation.at(arrival - now, () => this.#simulation.send(event, life));
  }

  #beat(session: number): void {
    if (session !== this.#session) return;
    this.#send({ type: "heard", worker: this.id });
    this.#after(3_000, () => this.#beat(session));
  }

  #onArrival(told: Told): void {
    switch (told.type) {
      case "commit":
        this.#final = Math.max(this.#final, told.step);
        break;
      case "revoke":
        this.#revoke(told);
        break;
      case "lease":
        this.#leases.push(told);
        break;
      case "reduceSlice":
        this.#reducers.set(told.slice.index, {
          step: told.step,
          slice: told.slice,
          sum: new TreeSum(told.roundShards),
          result: undefined,
        });
        return;
      case "collect":
        return this.#collect(told);
      case "dismiss":
      case "finish":
        this.#reset();
        return;
      case "synchronise":
        break;
    }
    this.#queue.push(told);
    this.#pump();
  }

  /** Takes shards off every lease that has arrived, also the one that is being computed. */
  #revoke({ task, step, first, count }: Extract<Effect, { type: "revoke" }>): void {
    for (const lease of this.#leases) {
      if (lease.task !== task || lease.step !== step) continue;
      this.#plans.get(lease)?.revoke(first, count);
      this.#revoked.set(lease, [...(this.#revoked.get(lease) ?? []), { from: first, size: count }]);
    }
  }

  #collect({ step, slice: index, node, source }: Extract<Effect, { type: "collect" }>): void {
    const session = this.#session;
    this.#after(this.#simulation.delay() * 2, () => {
      const reducer = this.#reducers.get(index);
      if (session !== this.#session || reducer?.step !== step || reducer.result !== undefined) return;
      const { from, to } = elementsOf(reducer.slice);
      const owner = this.#simulation.find(source);
      const vector = owner?.frozen === true ? undefined : owner?.contribution(step, node, from, to);
      if (vector === undefined) {
        this.#send({ type: "collectFailed", worker: this.id, step, slice: index, node, source });
        return;
      }
      reducer.sum.add(node, vector);
      if (!reducer.sum.complete) return;
      reducer.result = reducer.sum.result();
      this.#send({ type: "sliceReduced", worker: this.id, step, slice: index });
    });
  }

  #pump(): void {
    if (this.#busy) return;
    const told = this.#queue.shift();
    if (told === undefined) return;
    const session = this.#session;
    this.#busy = true;
    const next = (): void => {
      if (session !== this.#session) return;
      if (told.type === "lease") this.#leases = this.#leases.filter((lease) => lease !== told);
      this.#busy = false;
      this.#pump();
    };
    if (told.type === "synchronise") this.#synchronise(next);
    else if (told.type === "lease") this.#compute(told, next);
    else if (told.type === "commit") this.#apply(told.step, told.slices, next);
    else {
      this.#send({ type: "idle", worker: this.id });
      next();
    }
  }

  #synchronise(next: () => void): void {
    const session = this.#session;
    this.#after(this.#simulation.delay() * 3, () => {
      if (session !== this.#session || !this.#simulation.up) return;
      this.step = this.#simulation.committed;
      this.hash = this.#simulation.states.get(this.step) ?? "";
      this.#send({ type: "applied", worker: this.id, step: stepNumber(this.step), hash: this.hash });
      next();
    });
  }

  #compute(lease: LeaseEffect, next: () => void): void {
    const { task, step, first, count, roundShards } = lease;
    const session = this.#session;
    const needed = task === "train" ? step - 1 : step;
    if (this.step !== needed) {
      next();
      return;
    }
    const sum = new TreeSum(roundShards);
    const plan = new LeasePlan(first, count, roundShards);
    this.#plans.set(lease, plan);
    for (const { from, size } of this.#revoked.get(lease) ?? []) plan.revoke(from, size);
    let deliveredAt = this.#simulation.now;
    const deliver = (nodes: readonly TreeNode[]): void => {
      for (const node of nodes) {
        deliveredAt = this.#simulation.now;
        plan.delivered(node);
        this.#sums.set(`${step}:${node.first}:${node.count}`, { step, vector: sum.take(node) });
        this.#send({ type: "contribution", worker: this.id, step, node });
      }
    };
    const one = (): void => {
      const final = this.#final >= (task === "train" ? step : step + 1);
      const shard = final ? undefined : plan.begin();
      if (shard === undefined) {
        if (task === "train" && !final) deliver(plan.nodesNow());
        next();
        return;
      }
      this.#after(this.seconds * 1000 * (0.9 + 0.2 * this.#simulation.random()), () => {
        if (session !== this.#session) return;
        this.#simulation.computedSeconds += this.seconds;
        const result = { shard, lossSum: 2, supervisedTokens: 1, seconds: this.seconds };
        plan.computed(shard);
        this.#send({ type: "computed", worker: this.id, task, step, result });
        if (task === "train") {
          sum.add({ first: shard, count: 1 }, gradientOf(step, shard));
          deliver(this.#simulation.now - deliveredAt > 5_000 ? plan.nodesNow() : plan.nodes());
        }
        one();
      });
    };
    one();
  }

  #apply(step: number, slices: readonly ReducedSlice[], next: () => void): void {
    if (step <= this.step) {
      next();
      return;
    }
    const session = this.#session;
    this.#after(this.#simulation.delay() * 3, () => {
      if (session !== this.#session || !this.#simulation.up) return;
      const gradient = step === this.step + 1 ? this.#pullReduced(step, slices) : undefined;
      if (gradient === undefined) this.#send({ type: "resynchronise", worker: this.id });
      else {
        this.hash = nextState(this.hash, gradient);
        this.step = step;
        for (const [key, sum] of this.#sums) if (sum.step <= step) this.#sums.delete(key);
        this.#send({ type: "applied", worker: this.id, step: stepNumber(step), hash: this.hash });
      }
      next();
    });
  }

  #pullReduced(step: number, slices: readonly ReducedSlice[]): Float32Array | undefined {
    const whole = this.#simulation.reduced.get(step);
    if (slices.length === 0) return whole?.slice();
    const gradient = new Float32Array(elements);
    for (const slice of slices) {
      const { from, to } = elementsOf(slice);
      const reducer = slice.reducer === undefined ? undefined : this.#simulation.find(slice.reducer);
      const part = (reducer?.frozen === true ? undefined : reducer?.slice(step, from)) ?? whole?.subarray(from, to);
      if (part === undefined) return undefined;
      gradient.set(part, from);
    }
    return gradient;
  }
}

const elementsOf = ({ offset, length }: { offset: number; length: number }): { from: number; to: number } => ({
  from: offset / squareSumBlock,
  to: (offset + length) / squareSumBlock,
});

/** Numbers whose sum depends on the order in which they are added. */
function gradientOf(step: number, shard: number): Float32Array {
  return Float32Array.from({ length: elements }, (_, index) => {
    const mixed = Math.imul(step * 7919 + shard * 104_729 + index * 1_299_709, 2_654_435_761) >>> 0;
    return (mixed / 2 ** 31 - 1) * 10 ** (mixed % 4);
  });
}

function canonicalSum(step: number, node: TreeNode): Float32Array {
  const halves = children(node);
  if (halves === undefined) return gradientOf(step, node.first);
  const [left, right] = halves.map((half) => canonicalSum(step, half));
  return Float32Array.from(left ?? [], (value, index) => value + (right?.[index] ?? 0));
}

const sameBits = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

function nextState(before: string, gradient: Float32Array): string {
  let hash = 0;
  for (const byte of Buffer.from(before).toString("latin1")) hash = (Math.imul(hash, 31) + byte.charCodeAt(0)) | 0;
  for (const word of new Int32Array(gradient.slice().buffer)) hash = (Math.imul(hash, 31) + word) | 0;
  return (hash >>> 0).toString(16);
}

interface Timed {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is to happen, earliest first; in order of their making where the time is the same. */
class Heap {
  readonly #items: Timed[] = [];
  #order = 0;

  push(time: number, run: () => void): void {
    const items = this.#items;
    const item = { time, order: this.#order++, run };
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !before(item, parent)) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  pop(): Timed | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [a, b] = [items[left], items[left + 1]];
      if (a === undefined) break;
      const child = b !== undefined && before(b, a) ? b : a;
      if (!before(child, last)) break;
      items[at] = child;
      at = child === a ? left : left + 1;
    }
    items[at] = last;
    return top;
  }
}

const before = (a: Timed, b: Timed): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);
