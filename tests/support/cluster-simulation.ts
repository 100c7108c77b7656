/**
 * A simulated cluster around the coordinator's state machine: workers that synchronise, compute, deliver, stall and die
 * in an order drawn from random numbers, with messages of one worker in order and those of different ones in any.
 * Checks invariants after every event.
 */
import { cover } from "../../src/collective/index.js";
import type { TreeNode } from "../../src/collective/index.js";
import { ClusterMachine } from "../../src/coordinator/machine/index.js";
import type { Effect, Event, MachineSettings, Outcome } from "../../src/coordinator/machine/index.js";
import { shardIndex, stepNumber } from "../../src/ids.js";
import type { StepNumber } from "../../src/ids.js";

export interface SimulationOptions {
  readonly settings: Partial<MachineSettings> & { readonly totalSteps: number; readonly shards: number };
  /** The next random number in [0, 1). */
  readonly random: () => number;
  readonly workers: number;
  /** Chance that an event kills a worker (a new one takes its place). */
  readonly deaths?: number;
  /** Chance that a contribution's gradient does not arrive. */
  readonly losses?: number;
}

interface Worker {
  readonly id: string;
  step: number;
  /** What it will tell the coordinator, in order. */
  readonly outbox: Event[];
}

const hashOf = (step: number): string => `state-${step}`;

export class ClusterSimulation {
  readonly machine: ClusterMachine;
  readonly commits: StepNumber[] = [];
  readonly evaluations: StepNumber[] = [];
  /** Shards accepted of the step in flight. */
  readonly accepted = new Set<number>();
  readonly saves: StepNumber[] = [];
  events = 0;
  again = 0;
  outcome: Outcome | undefined;
  readonly #options: SimulationOptions;
  readonly #settings: MachineSettings;
  readonly #workers = new Map<string, Worker>();
  readonly #atOnce: Event[] = [];
  /** Events of the coordinator's own parts. */
  readonly #own: Event[] = [];
  #born = 0;
  #now = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { shards, ...settings } = options.settings;
    this.#settings = {
      minWorkers: 1,
      silenceTimeout: 1e9,
      saveSteps: 4,
      evalSteps: null,
      evaluationShards: 0,
      shardsOf: () => shards,
      learningRate: () => 1,
      clipCoefficient: () => 1,
      ...settings,
    };
    this.machine = new ClusterMachine(this.#settings, { step: stepNumber(0), hash: hashOf(0), saved: false });
    for (let index = 0; index < options.workers; index++) this.#birth();
  }

  /** Runs until the machine finishes; throws when nothing can happen any more, or after too many events. */
  run(limit = 200_000): Outcome {
    while (this.outcome === undefined) {
      if (this.events++ > limit) throw new Error(`not finished after ${limit} events`);
      this.#one();
    }
    return this.outcome;
  }

  send(event: Event): void {
    for (const effect of this.machine.handle(event, this.#now)) this.#carryOut(effect);
    // Reducing and committing are done by the coordinator itself, before it hears anything else.
    for (let next = this.#atOnce.shift(); next !== undefined; next = this.#atOnce.shift()) this.send(next);
  }

  #one(): void {
    this.#now += 1 + Math.floor(this.#options.random() * 10);
    if (this.#chance(this.#options.deaths)) this.#death();
    const ready: Event[][] = [...this.#workers.values()].map(({ outbox }) => outbox).filter(({ length }) => length > 0);
    if (this.#own.length > 0) ready.push(this.#own);
    const outbox = ready[Math.floor(this.#options.random() * ready.length)];
    const event = outbox?.shift();
    if (event === undefined) {
      if (this.#options.deaths === undefined) throw new Error("nothing can happen any more: deadlock");
      return;
    }
    this.send(event);
  }

  #chance(probability = 0): boolean {
    return this.#options.random() < probability;
  }

  #birth(): void {
    const worker: Worker = { id: `worker-${this.#born++}`, step: -1, outbox: [] };
    this.#workers.set(worker.id, worker);
    worker.outbox.push({ type: "joined", worker: worker.id }, { type: "ready", worker: worker.id });
  }

  #death(): void {
    const victims = [...this.#workers.values()];
    const victim = victims[Math.floor(this.#options.random() * victims.length)];
    if (victim === undefined) return;
    this.#workers.delete(victim.id);
    // The coordinator learns of it like of anything else: some time later.
    this.#own.push({ type: "left", worker: victim.id, reason: "killed" });
    this.#birth();
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "synchronise":
        return this.#synchronise(effect.worker);
      case "lease":
        if (effect.again) this.again++;
        return this.#compute(effect);
      case "receive":
        return this.#deliver(effect.worker, effect.step, effect.node);
      case "accept":
        return this.#accept(effect.step, effect.node);
      case "reduce":
        if (this.accepted.size !== this.#settings.shardsOf(effect.step)) throw new Error("reduced without every shard");
        this.#atOnce.push({ type: "reduced", step: effect.step, gradNorm: 1 });
        return;
      case "commit":
        return this.#commit(effect.step, effect.workers);
      case "evaluated":
        this.evaluations.push(effect.step);
        return;
      case "save":
        this.saves.push(effect.step);
        this.#own.push({ type: "saved", step: effect.step });
        return;
      case "finish":
        this.outcome = effect.outcome;
        return;
      case "mismatch":
        throw new Error(`${effect.worker} was said to differ at step ${effect.step}`);
      case "drop":
      case "lost":
      case "saveFailed":
        return;
    }
  }

  #synchronise(id: string): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    // What is pulled is the newest state, not that of the moment when it was asked for.
    const step = this.commits.at(-1) ?? stepNumber(0);
    worker.step = step;
    worker.outbox.push({ type: "applied", worker: id, step, hash: hashOf(step) });
  }

  #compute({ worker: id, task, step, first, count, roundShards }: Extract<Effect, { type: "lease" }>): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    for (const node of cover(first, count, roundShards)) {
      const results = Array.from({ length: node.count }, (_, index) => ({
        shard: shardIndex(node.first + index),
        lossSum: 2,
        supervisedTokens: 1,
        seconds: 0.5 + this.#options.random(),
      }));
      worker.outbox.push({ type: "contribution", worker: id, task, step, node, results });
    }
  }

  #deliver(worker: string, step: StepNumber, node: TreeNode): void {
    const lost = this.#chance(this.#options.losses) || !this.#workers.has(worker);
    this.#own.push({ type: lost ? "receiveFailed" : "received", worker, step, node });
  }

  #accept(step: StepNumber, node: TreeNode): void {
    if (step !== (this.commits.at(-1) ?? 0) + 1) throw new Error(`accepted a gradient of step ${step} out of turn`);
    for (let shard = node.first as number; shard < node.first + node.count; shard++) {
      if (this.accepted.has(shard)) throw new Error(`shard ${shard} of step ${step} was counted twice`);
      this.accepted.add(shard);
    }
  }

  #commit(step: StepNumber, workers: readonly string[]): void {
    if (step !== (this.commits.at(-1) ?? 0) + 1) throw new Error(`committed step ${step} out of order`);
    this.commits.push(step);
    this.accepted.clear();
    this.#atOnce.push({ type: "committed", step, hash: hashOf(step) });
    for (const id of workers) {
      const worker = this.#workers.get(id);
      if (worker === undefined || worker.step >= step) continue;
      worker.step = step;
      worker.outbox.push({ type: "applied", worker: id, step, hash: hashOf(step) });
    }
  }
}
