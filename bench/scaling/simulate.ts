/**
 * A cluster in virtual time: the product's own coordinator and workers, with what their messages, pulls and kernels cost.
 * No faults: it is about time, processors and lines.
 */
import { ClusterMachine } from "../../src/coordinator/machine/index.js";
import type { Effect, Event, MachineSettings } from "../../src/coordinator/machine/index.js";
import { stepNumber } from "../../src/ids.js";
import type { StepNumber } from "../../src/ids.js";
import { Replica } from "../../src/optim/index.js";
import type { RunFiles } from "../../src/telemetry/index.js";
import { ignore, startCoordinator } from "../../tests/support/simulation/coordinator.js";
import { MemoryNetwork } from "../../tests/support/simulation/memory-network.js";
import { clip, optimiser } from "../../tests/support/simulation/reference.js";
import { SimulatedModels, simulatedLayout, simulatedRows } from "../../tests/support/simulation/simulated-engine.js";
import { VirtualTime } from "../../tests/support/simulation/virtual-clock.js";
import { startWorker } from "../../tests/support/simulation/worker.js";
import { costs, lineOverhead } from "./costs.js";
import { TimedDelivery } from "./delivery.js";
import type { Costs } from "./model.js";
import { Processor } from "./processor.js";
import type { Scenario } from "./scenarios.js";

/** Steps that are not measured: no worker's speed is known in the first. */
const warmUp = 2;

/** Elements of the gradient that one simulated element stands for: `squareSumBlock` of src/collective/kernels.ts. */
const blockFloats = 4096;

export interface Simulated extends Costs {
  /** Shards taken from workers that counted as late: the formulas do not know of them. */
  readonly lost: number;
  /** Real time in the coordinator's state machine, seconds per step. */
  readonly machineSeconds: number;
}

/** Charges the time of the machine and of the kernels that its effects call, and counts lost shards. */
class MeasuredMachine extends ClusterMachine {
  lost = 0;
  /** Real time in the machine, seconds. */
  seconds = 0;
  readonly #process: Processor;
  readonly #scenario: Scenario;
  readonly #onCommit: () => void;

  constructor(
    settings: MachineSettings,
    start: { readonly step: StepNumber; readonly hash: string; readonly saved: boolean },
    process: Processor,
    scenario: Scenario,
    onCommit: () => void,
  ) {
    super(settings, start);
    this.#process = process;
    this.#scenario = scenario;
    this.#onCommit = onCommit;
  }

  override handle(event: Event, now: number): Effect[] {
    const start = performance.now();
    const effects = super.handle(event, now);
    this.seconds += (performance.now() - start) / 1000;
    const { machine, kernels } = costs;
    const { floats, workers } = this.#scenario;
    const kernel = event.type === "reduced" ? kernels.norm : event.type === "committed" ? kernels.apply : 0;
    const looks = looksAtAll.has(event.type) ? machine.lookedAt * workers : 0;
    this.#process.spend((machine.event + machine.effect * effects.length + looks + kernel * floats) * 1000);
    for (const effect of effects) {
      if (effect.type === "lost") this.lost += effect.count;
      if (effect.type === "commit") this.#process.leave(this.#onCommit);
    }
    return effects;
  }
}

/** Events that may let a worker take work from others, so that all workers are examined. */
const looksAtAll: ReadonlySet<Event["type"]> = new Set<Event["type"]>(["computed", "applied", "idle", "tick"]);

/** Cumulative figures of a cluster. Times in ms. */
interface Figures {
  readonly time: number;
  readonly pulls: number;
  readonly messageBytes: number;
  readonly machineSeconds: number;
  readonly lost: number;
  readonly coordinator: Usage;
  readonly workers: readonly Usage[];
}

interface Usage {
  readonly cpu: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const usageOf = ({ cpu, receives, sends }: Processor): Usage => ({
  cpu,
  bytesIn: receives.bytes / lineOverhead,
  bytesOut: sends.bytes / lineOverhead,
});

/** Duration of a shard, seconds: differs between workers and steps, and is the same in every simulation. */
function secondsOfShard({ computeSeconds, shards, workers, jitter }: Scenario, worker: number, step: number): number {
  const mixed = Math.imul((worker + 1) * 2_654_435_761 + step * 40_503, 2_246_822_519) >>> 0;
  const uniform = (Math.imul(mixed ^ (mixed >>> 15), 3_266_489_917) >>> 0) / 2 ** 32;
  return ((computeSeconds * workers) / shards) * (1 + jitter * (2 * uniform - 1));
}

/** Runs the warm-up and the measured steps of a scenario. */
export async function simulate(scenario: Scenario): Promise<Simulated> {
  const { steps = 3 } = scenario;
  const figures = await run(scenario, warmUp + steps + 1);
  const [from, to] = [figures[warmUp - 1], figures[warmUp - 1 + steps]];
  if (from === undefined || to === undefined) throw new Error("fewer steps were committed than asked for");
  const per = (value: (at: Figures) => number): number => (value(to) - value(from)) / steps;
  const perWorker = (value: (usage: Usage) => number): number =>
    Math.max(...to.workers.map((usage, worker) => (value(usage) - value(from.workers[worker] ?? usage)) / steps));
  const stepSeconds = per(({ time }) => time) / 1000;
  return {
    stepSeconds,
    reductionSeconds: stepSeconds - scenario.computeSeconds,
    coordinator: {
      cpuSeconds: per(({ coordinator }) => coordinator.cpu) / 1000,
      bytesIn: per(({ coordinator }) => coordinator.bytesIn),
      bytesOut: per(({ coordinator }) => coordinator.bytesOut),
      messageBytesSent: per(({ messageBytes }) => messageBytes),
    },
    worker: {
      cpuSeconds: perWorker(({ cpu }) => cpu) / 1000,
      bytesIn: perWorker(({ bytesIn }) => bytesIn),
      bytesOut: perWorker(({ bytesOut }) => bytesOut),
    },
    calls: per(({ pulls }) => pulls),
    lost: to.lost,
    machineSeconds: per(({ machineSeconds }) => machineSeconds),
  };
}

/** @returns the figures at every commit */
async function run(scenario: Scenario, totalSteps: number): Promise<Figures[]> {
  const { shards, floats, dtype, link, pieceBytes } = scenario;
  const elements = Math.ceil(floats / blockFloats);
  const time = new VirtualTime();
  const bandwidth = link.bandwidth / 1000;
  const process = new Processor(time, { name: "coordinator", bandwidth });
  const delivery = new TimedDelivery(time, process, {
    latency: (link.roundTrip / 2) * 1000,
    dtype,
    floats,
    weight: blockFloats,
    pieceBytes,
  });
  const network = new MemoryNetwork({ delivery, random: Math.random, losses: 0, stalled: undefined });
  // Workers decide by its size what is worth being sent early.
  const layout = simulatedLayout(floats);
  const replica = new Replica(elements, optimiser);
  const workers: Processor[] = [];
  const figures: Figures[] = [];
  let failure: Error | undefined;
  const fail = (error: unknown): void => {
    failure ??= error instanceof Error ? error : new Error(String(error));
  };
  const settings: MachineSettings = {
    totalSteps,
    minWorkers: scenario.workers,
    silenceTimeout: 3_600_000,
    float16: false,
    saveSteps: 1e9,
    evalSteps: null,
    evaluationShards: 0,
    shardsOf: () => shards,
    learningRate: () => 1e-4,
    clipCoefficient: clip,
    evaluated: () => true,
    gradientSize: elements,
    sliceBlock: 1,
    reducers: () => scenario.reducers,
  };
  const start = { step: stepNumber(0), hash: replica.hash(), saved: true };
  const machine = new MeasuredMachine(settings, start, process, scenario, () =>
    figures.push({
      time: time.now,
      pulls: delivery.pulls,
      messageBytes: delivery.messageBytes,
      machineSeconds: machine.seconds,
      lost: machine.lost,
      coordinator: usageOf(process),
      workers: workers.map(usageOf),
    }),
  );
  // Input ids and labels are 4 bytes each.
  const store = simulatedRows(scenario.shardBytes / 8);
  const rows = Array.from({ length: shards }, (_, shard) => shard % store.rowCount);
  const { conductor } = startCoordinator({
    process,
    network,
    machine,
    replica,
    layout,
    sources: { microBatchSize: 1, training: () => ({ store, rows }), evaluation: () => ({ store, rows: [] }) },
    dtype,
    totalSteps,
    silenceTimeout: settings.silenceTimeout,
    runId: "scaling",
    files: noFiles,
    save: () => Promise.resolve("checkpoint"),
    onStep: ignore,
    onFailure: fail,
  });
  let ended = 0;
  for (let worker = 0; worker < scenario.workers; worker++) {
    const name = `worker-host-${worker}-12345-abcdef`;
    const own = new Processor(time, { name, bandwidth });
    workers.push(own);
    const speed = {
      shard: (step: number | undefined) => own.work(secondsOfShard(scenario, worker, step ?? 0) * 1000),
      apply: () => {
        own.spend(floats * costs.kernels.apply * 1000);
        return Promise.resolve();
      },
    };
    const models = new SimulatedModels(own, layout, speed, elements);
    startWorker({
      process: own,
      network,
      models,
      name,
      id: () => name,
      pid: worker + 1,
      reachable: true,
      signal: new AbortController().signal,
      applied: ignore,
    }).then(() => ended++, fail);
  }
  const over = (): boolean => {
    if (failure !== undefined) throw failure;
    return ended === scenario.workers;
  };
  await time.run(over, 1e9, () => JSON.stringify(conductor.status()));
  conductor.close();
  return figures;
}

/** The simulation writes nothing. */
const noFiles: RunFiles = {
  committing: ignore,
  flush: ignore,
  unwritten: () => [],
  close: ignore,
  appendEvent: ignore,
  appendMetrics: ignore,
  appendSamples: ignore,
  rewind: ignore,
};
