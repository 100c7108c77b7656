/**
 * A cluster in virtual time, built from the product's own components: those of the coordinator (machine, conductor,
 * sessions, sum, replica, checkpoints, record) and of the workers (membership and its machine, shards, slices, sums,
 * replica). Only the clock, the network, the engine, the disk and the data are simulated. Runs to the end and fails if
 * timers or calls are left over.
 */
import { notEvaluated } from "../../../src/coordinator/machine/index.js";
import type { BestRule, BestState, MachineSettings, Outcome } from "../../../src/coordinator/machine/index.js";
import type { VectorDtype } from "../../../src/collective/index.js";
import type { SavedCheckpoint } from "../../../src/coordinator/checkpoints/checkpointer.js";
import { Replica } from "../../../src/optim/index.js";
import type { ReplicaState } from "../../../src/optim/index.js";
import type { WorkerEnd } from "../../../src/worker/index.js";
import { startCoordinator } from "./coordinator.js";
import type { SimulatedCoordinator } from "./coordinator.js";
import { RandomDelivery } from "./delivery.js";
import { scheduleFaults } from "./faults.js";
import type { Faults } from "./faults.js";
import { Invariants } from "./invariants.js";
import { MemoryNetwork } from "./memory-network.js";
import { Reference, clip, gradientSize, learningRate, optimiser, rowOf, sliceBlock } from "./reference.js";
import { SimulatedModels, simulatedLayout, simulatedRows } from "./simulated-engine.js";
import { VirtualProcess, VirtualTime } from "./virtual-clock.js";
import { startWorker } from "./worker.js";

export interface SimulationOptions extends Faults {
  /** How evaluations are compared. */
  readonly best?: BestRule;
  readonly settings: Partial<MachineSettings> & { readonly totalSteps: number; readonly shards: number };
  /** The next random number in [0, 1). */
  readonly random: () => number;
  /** Seconds per shard of each worker. */
  readonly workers: readonly number[];
  /** Workers that come later: after how many ms, and their seconds per shard. Their places follow those of the others. */
  readonly lateWorkers?: readonly { readonly after: number; readonly seconds: number }[];
  /** Places of workers that others cannot reach. Those at even places have no server of their own. */
  readonly unreachable?: readonly number[];
  /** Places of workers that lie, or whose machine is broken: what they make of the gradient and loss of a shard. */
  readonly liars?: Readonly<Record<number, (gradient: Float32Array, result: { lossSum: number }) => void>>;
  /** Minimum and maximum latency of a message, ms. */
  readonly latency?: readonly [number, number];
  /** Probability that a message is late, and the maximum additional delay, ms. */
  readonly late?: number;
  readonly lateBy?: number;
  /** Probability that a bulk call fails. */
  readonly losses?: number;
  /** Probability that a worker takes `slowApplyFor` ms to apply an update. */
  readonly slowApply?: number;
  readonly slowApplyFor?: number;
  readonly dtype?: VectorDtype;
}

/** How long a coordinator keeps running after the end, for workers that reconnect late, ms. */
const lingering = 40_000;

/** How long a checkpoint takes, ms. */
const saving = 20;

/** A call that receives no bytes for so long fails, ms, as in the product. */
const stalled = 5_000;

const layout = simulatedLayout(gradientSize);

interface SimulatedWorker {
  readonly name: string;
  readonly place: number;
  readonly process: VirtualProcess;
  readonly models: SimulatedModels;
  readonly leave: AbortController;
  end: WorkerEnd | undefined;
}

export class ClusterSimulation {
  readonly time = new VirtualTime();
  readonly invariants: Invariants;
  readonly options: SimulationOptions;
  readonly workers = new Set<SimulatedWorker>();
  /** Steps of the requested checkpoints, in order. */
  readonly checkpoints: number[] = [];
  /** Time between commits, ms. */
  readonly stepTimes: number[] = [];
  /** Index of the current incarnation of the coordinator, from 0. */
  life = 0;
  outcome: Outcome | undefined;
  /** Of the last incarnation of the coordinator, when it ended. */
  best: BestState | undefined;
  /** Steps whose state is on disk. */
  readonly saved = new Set<number>();
  readonly #network: MemoryNetwork;
  #coordinator: SimulatedCoordinator | undefined;
  #disk:
    { readonly state: ReplicaState; readonly saved: SavedCheckpoint; readonly best: BestState | undefined } | undefined;
  readonly #places = new Map<string, number>();
  #committedAt = 0;
  #born = 0;
  #asked = 0;
  #closed = false;
  #failure: Error | undefined;

  constructor(options: SimulationOptions) {
    this.options = options;
    const { random, latency = [0.2, 2], late = 0, lateBy = 5_000, losses = 0, dtype = "float32" } = options;
    const delivery = new RandomDelivery(this.time, { random, latency, late, lateBy });
    this.#network = new MemoryNetwork({ delivery, random, losses, stalled });
    this.invariants = new Invariants(new Reference(options.settings.shards, dtype));
    this.#coordinator = this.#startCoordinator();
    options.workers.forEach((_, place) => this.#birth(place));
    options.lateWorkers?.forEach(({ after }, index) =>
      this.time.at(after, () => this.#birth(options.workers.length + index)),
    );
    scheduleFaults(options, {
      now: () => this.time.now,
      at: (delay, act) => void this.time.at(this.time.now + delay, () => this.outcome === undefined && act()),
      random,
      kill: (rebirth, silently) => this.#kill(this.#anyone(), rebirth, silently),
      freeze: (duration) => this.#anyone()?.process.freeze(duration),
      drain: (rebirth) => this.#drain(this.#anyone(), rebirth),
      breakConnections: () => this.#breakConnections(this.#anyone()),
      killCoordinator: (back) => this.#killCoordinator(back),
      freezeCoordinator: (duration) => this.#coordinator?.process.freeze(duration),
      cutPower: (rebirth) => {
        this.#killCoordinator(1_000);
        for (const worker of [...this.workers]) this.#kill(worker, rebirth, false);
      },
      pause: (duration) => this.#pause(duration),
      askForCheckpoint: () => this.#askForCheckpoint(),
    });
  }

  /** The newest recorded step. */
  get committed(): number {
    return this.invariants.recorded;
  }

  /** The place of a worker, by its id. */
  placeOf(id: string): number | undefined {
    return this.#places.get(id.replace(/\.\d+$/, ""));
  }

  /** How often the machine emitted this effect. */
  count(effect: string): number {
    return this.invariants.counts.get(effect) ?? 0;
  }

  /** Runs until the coordinator and all workers have ended; throws if an invariant is violated. */
  async run(limit = 1e7): Promise<Outcome> {
    const over = (): boolean => {
      if (this.#failure !== undefined) throw this.#failure;
      return this.#closed && [...this.workers].every(({ end }) => end !== undefined);
    };
    await this.time.run(over, limit, () => this.#state());
    if (this.#asked > 0) throw new Error("a checkpoint was asked for and never given");
    for (const { name, process, models } of this.workers) {
      if (models.replica !== undefined) this.invariants.applied(name, models.replica);
      this.#checkClosed(name, process);
    }
    return this.outcome ?? { kind: "completed" };
  }

  #state(): string {
    const status = this.#coordinator?.conductor.status();
    return `step ${this.committed}, ${JSON.stringify(status)}, ${[...this.workers].map(({ name, end, process }) => `${name} ${end ?? (process.frozen ? "frozen" : "runs")}`).join(", ")}`;
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  #checkClosed(name: string, process: VirtualProcess): void {
    const open = this.#network.openOf(process);
    if (process.timers > 0 || open > 0)
      this.#fail(new Error(`${name} has ended, and ${process.timers} timers and ${open} calls are left`));
    if (this.#failure !== undefined) throw this.#failure;
  }

  #process(): VirtualProcess {
    return new VirtualProcess(this.time, Math.floor(this.options.random() * 1e6));
  }

  // ---------------------------------------------------------------- the coordinator

  #startCoordinator(): SimulatedCoordinator {
    const { shards, ...asked } = this.options.settings;
    const { dtype = "float32" } = this.options;
    const process = this.#process();
    const replica = new Replica(gradientSize, optimiser);
    if (this.#disk !== undefined) replica.assign(this.#disk.state);
    const survivors = this.life > 0 ? this.workers.size : 0;
    const evaluated = new Set(this.invariants.evaluations);
    if (survivors === 0) this.invariants.rewind(replica.step);
    const settings: MachineSettings = {
      minWorkers: 1,
      silenceTimeout: 15_000,
      float16: false,
      saveSteps: 4,
      evalSteps: null,
      evaluationShards: 0,
      shardsOf: () => shards,
      learningRate,
      clipCoefficient: clip,
      evaluated: (step) => evaluated.has(step),
      gradientSize,
      sliceBlock,
      reducers: () => 0,
      ...asked,
      ...(this.options.best === undefined ? {} : { best: this.#bestSettings(this.options.best) }),
      ...(survivors > 0 ? { recovery: { survivors, timeout: 10_000 } } : {}),
    };
    const start = { step: replica.step, hash: replica.hash(), saved: this.#disk !== undefined };
    const rows = Array.from({ length: settings.evaluationShards }, (_, index) => index);
    const store = simulatedRows(2);
    const coordinator = startCoordinator({
      process,
      network: this.#network,
      machine: this.invariants.machine(settings, start, (step) => coordinator.conductor.reduced(step)),
      replica,
      layout,
      sources: {
        microBatchSize: 1,
        training: (step) => ({ store, rows: Array.from({ length: shards }, (_, shard) => rowOf(step, shard)) }),
        evaluation: () => ({ store, rows }),
      },
      dtype,
      totalSteps: settings.totalSteps,
      silenceTimeout: settings.silenceTimeout,
      runId: `run-${this.life}`,
      files: this.invariants.files(),
      checkpoint: this.#disk?.saved,
      save: (state, best) => this.#save(process, state, best),
      onStep: () => {
        this.stepTimes.push(this.time.now - this.#committedAt);
        this.#committedAt = this.time.now;
      },
      onFailure: (error) => this.#fail(error),
    });
    coordinator.conductor.done.then(
      (outcome) => this.#ended(coordinator, outcome),
      (error: unknown) => this.#fail(error),
    );
    return coordinator;
  }

  #bestSettings(rule: BestRule): NonNullable<MachineSettings["best"]> {
    const { evaluations, evaluationLosses } = this.invariants;
    const recorded = evaluations.map((step) => ({ step, value: evaluationLosses.get(step) ?? Number.NaN }));
    return { rule, before: this.#disk?.best ?? notEvaluated, recorded };
  }

  async #save(process: VirtualProcess, state: ReplicaState, best: BestState | undefined): Promise<string> {
    this.invariants.saved(state);
    await process.work(saving);
    const path = `checkpoint-${state.step}`;
    this.saved.add(state.step);
    this.#disk = { state, best, saved: { step: state.step, path, time: process.wallClock() } };
    return path;
  }

  /** The run is over: the coordinator keeps running for `lingering` ms, then closes everything. */
  #ended({ process, conductor }: SimulatedCoordinator, outcome: Outcome): void {
    this.outcome = outcome;
    this.best = conductor.status().best;
    process.arrive(lingering, () => {
      this.#network.coordinator = undefined;
      conductor.close();
      this.#network.breakAll(process);
      // By then, all waiting callers have been notified.
      process.arrive(1_000, () => {
        this.#closed = true;
        this.#checkClosed("the coordinator", process);
      });
    });
  }

  #killCoordinator(back: number): void {
    if (this.#coordinator === undefined) return;
    const silently = this.options.random() < (this.options.vanishing ?? 0);
    this.#network.kill(this.#coordinator.process, silently);
    this.#coordinator = undefined;
    this.#asked = 0;
    this.time.at(this.time.now + back, () => {
      this.life++;
      this.#coordinator = this.#startCoordinator();
    });
  }

  /** Two users ask for a pause concurrently; the first one counts. */
  #pause(duration: number): void {
    const pausing = this.#coordinator;
    pausing?.process.arrive(0, () => {
      for (const by of ["ann", "bob"]) pausing.conductor.dispatch({ type: "pause", by });
      pausing.process.arrive(duration, () => pausing.conductor.dispatch({ type: "resume", by: "ann" }));
    });
  }

  #askForCheckpoint(): void {
    const asked = this.#coordinator;
    asked?.process.arrive(0, () => {
      if (asked.conductor.status().phase === "ended") return;
      const newest = asked.conductor.status().committed;
      this.#asked++;
      asked.conductor.checkpoint().then(
        ({ step }) => {
          this.#asked--;
          this.checkpoints.push(step);
          if (step < newest) this.#fail(new Error(`a checkpoint of step ${step} was given for one of step ${newest}`));
        },
        (error: unknown) => this.#fail(error),
      );
    });
  }

  // ---------------------------------------------------------------- workers

  #anyone(): SimulatedWorker | undefined {
    const running = [...this.workers].filter(({ end, leave }) => end === undefined && !leave.signal.aborted);
    return running[Math.floor(this.options.random() * running.length)];
  }

  #birth(place: number): void {
    if (this.outcome !== undefined) return;
    const { random, slowApply = 0, slowApplyFor = 6_000 } = this.options;
    const name = `w${this.#born++}`;
    this.#places.set(name, place);
    const process = this.#process();
    const { workers, lateWorkers = [] } = this.options;
    const seconds = workers[place] ?? lateWorkers[place - workers.length]?.seconds ?? 1;
    const falsify = this.options.liars?.[place];
    const models = new SimulatedModels(process, layout, {
      shard: () => process.work(seconds * 1000 * (0.9 + 0.2 * random())),
      apply: () => process.work(random() < slowApply ? slowApplyFor : 1),
      ...(falsify === undefined ? {} : { falsify }),
    });
    const unreachable = this.options.unreachable?.includes(place) === true;
    const worker: SimulatedWorker = { name, place, process, models, leave: new AbortController(), end: undefined };
    this.workers.add(worker);
    startWorker({
      process,
      network: this.#network,
      models,
      name,
      id: (membership) => `${name}.${membership}`,
      pid: this.#born,
      reachable: unreachable && place % 2 === 0 ? undefined : !unreachable,
      signal: worker.leave.signal,
      applied: () => models.replica && this.invariants.applied(name, models.replica),
    }).then(
      (end) => this.#left(worker, end),
      // A liar is refused, once it was put out.
      (error: unknown) => (falsify === undefined ? this.#fail(error) : (worker.end = "interrupted")),
    );
  }

  #left(worker: SimulatedWorker, end: WorkerEnd): void {
    worker.end = end;
    this.#checkClosed(worker.name, worker.process);
    if (end === "interrupted" && !worker.leave.signal.aborted) this.#fail(new Error(`${worker.name} left unasked`));
  }

  /** SIGKILL or, if `silently`, loss of the machine; a new worker takes its place after `rebirth` ms. */
  #kill(worker: SimulatedWorker | undefined, rebirth: number, silently: boolean): void {
    if (worker === undefined) return;
    this.workers.delete(worker);
    this.#network.kill(worker.process, silently);
    this.time.at(this.time.now + rebirth, () => this.#birth(worker.place));
  }

  /** SIGTERM; a new worker takes its place after `rebirth` ms. */
  #drain(worker: SimulatedWorker | undefined, rebirth: number): void {
    worker?.process.arrive(0, () => worker.leave.abort("asked to leave"));
    if (worker !== undefined) this.time.at(this.time.now + rebirth, () => this.#birth(worker.place));
  }

  #breakConnections(worker: SimulatedWorker | undefined): void {
    if (worker !== undefined) this.#network.breakAll(worker.process);
  }
}
