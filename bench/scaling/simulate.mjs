/**
 * A cluster in virtual time: the product's own state machine, lease plans and slice reducers, with what its messages and
 * pulls cost. No faults: it is about time, processors and lines.
 */
import { costs as measured, elementBytes, lineOverhead } from "./costs.mjs";
import { SimulatedCoordinator } from "./coordinator.mjs";
import { contributionsOf } from "./model.mjs";
import { Process } from "./process.mjs";
import { Timeline } from "./timeline.mjs";
import { transfer } from "./transfer.mjs";
import { SimulatedWorker } from "./worker.mjs";

/** Steps that are not counted: nobody's speed is known in the first. */
const warmUp = 2;

/**
 * @typedef {object} Scenario
 * @property {number} workers
 * @property {number} shards of a step
 * @property {number} floats of the gradient
 * @property {"float32" | "bfloat16"} dtype
 * @property {number} reducers 0: star
 * @property {{ bandwidth: number, roundTrip: number }} link bytes a second each way, seconds
 * @property {number} computeSeconds of a step
 * @property {number} jitter share by which a worker's computing differs from step to step, either way
 * @property {number} shardBytes of a leased shard's rows
 * @property {number} [pieceBytes] in which bulk is simulated
 * @property {number} [steps] that are counted
 * @property {object} [costs] in place of the measured ones
 */

class SimulatedCluster {
  timeline = new Timeline();
  /** What was moved, by kind, bytes of payload; and how many control messages, and their bytes. */
  moved = { contribution: 0, reduced: 0, gathered: 0 };
  control = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0 };
  calls = 0;
  #workers = new Map();
  #settling = [];
  #lastComputed = new Map();

  constructor(product, scenario) {
    this.product = product;
    this.costs = scenario.costs ?? measured;
    this.options = {
      ...scenario,
      elementBytes: elementBytes[scenario.dtype],
      contributions: contributionsOf(scenario.shards, scenario.workers),
    };
    const { bandwidth } = scenario.link;
    this.coordinator = new SimulatedCoordinator(this, new Process(this.timeline, { bandwidth }));
    for (let index = 0; index < scenario.workers; index++) {
      const id = `worker-host-${index}-12345-abcdef`;
      this.#workers.set(id, new SimulatedWorker(this, id, new Process(this.timeline, { bandwidth })));
    }
  }

  get workers() {
    return [...this.#workers.values()];
  }

  worker(id) {
    return this.#workers.get(id);
  }

  get latency() {
    return this.options.link.roundTrip / 2;
  }

  /** Small messages do not wait for bulk: lines share themselves between connections. */
  toCoordinator(worker, event, message) {
    this.control.received++;
    this.control.receivedBytes += this.product.workerMessageBytes(message);
    this.timeline.after(this.latency, () => this.coordinator.hear(event));
  }

  toWorker(id, message, bytes) {
    this.control.sent++;
    this.control.sentBytes += bytes;
    this.timeline.after(this.latency, () => this.worker(id).hear(message));
  }

  /**
   * @param {"contribution" | "reduced"} pull.kind of a worker, or of what many take
   */
  pull({ server, client, bytes, kind, done }) {
    const { pulls } = this.costs;
    const rates = pulls[this.options.dtype];
    const atCoordinator = client === this.coordinator;
    const rate = kind === "contribution" ? "added" : "taken";
    this.calls++;
    this.moved[atCoordinator && kind === "reduced" ? "gathered" : kind] += bytes;
    transfer({
      timeline: this.timeline,
      server: server.process,
      client: client.process,
      bytes,
      overhead: lineOverhead,
      latency: this.latency,
      pieceBytes: this.options.pieceBytes,
      cost: {
        clientCall: pulls.clientCall,
        serverCall: pulls.serverCall,
        clientByte: rates[atCoordinator ? "whole" : rate],
        serverByte: rates[kind],
      },
      done: (leave) => {
        leave(() => done());
        return 0;
      },
    });
  }

  /** Promises of the product's modules go on before anything else happens. */
  settle(resolve) {
    this.#settling.push(resolve);
  }

  /** Deterministic: the same for the same worker and step. */
  secondsOfShard(id, step) {
    const { computeSeconds, shards, workers, jitter } = this.options;
    const place = Number(id.split("-")[2]);
    const mixed = Math.imul((place + 1) * 2_654_435_761 + step * 40_503, 2_246_822_519) >>> 0;
    const uniform = (Math.imul(mixed ^ (mixed >>> 15), 3_266_489_917) >>> 0) / 2 ** 32;
    return ((computeSeconds * workers) / shards) * (1 + jitter * (2 * uniform - 1));
  }

  computed(step) {
    this.#lastComputed.set(step, this.timeline.now);
  }

  async run() {
    this.coordinator.start([...this.#workers.keys()]);
    while (!this.coordinator.finished) {
      if (!this.timeline.advance()) throw new Error("nothing can happen any more");
      if (this.#settling.length === 0) continue;
      for (const resolve of this.#settling.splice(0)) resolve();
      // As many turns of the microtask queue as stand between a pull and the next one in SliceReducer and here.
      for (let turn = 0; turn < 6; turn++) await undefined;
    }
  }

  snapshot() {
    const { process, machineSeconds } = this.coordinator;
    return {
      time: this.timeline.now,
      calls: this.calls,
      machineSeconds,
      coordinator: { cpu: process.cpu, in: process.in.bytes, out: process.out.bytes },
      workers: this.workers.map(
        ({
          process: {
            cpu,
            in: { bytes: taken },
            out,
          },
        }) => ({ cpu, in: taken, out: out.bytes }),
      ),
      moved: { ...this.moved },
      control: { ...this.control },
    };
  }

  lastComputed(step) {
    return this.#lastComputed.get(step);
  }
}

/**
 * @param {object} product the modules that decide; see product.mjs
 * @param {Scenario} scenario
 */
export async function simulate(product, scenario) {
  const steps = scenario.steps ?? 3;
  const started = performance.now();
  const cluster = new SimulatedCluster(product, { ...scenario, totalSteps: warmUp + steps + 1 });
  const marks = [];
  cluster.coordinator.onCommitted = () => marks.push(cluster.snapshot());
  await cluster.run();
  const [from, to] = [marks[warmUp - 1], marks[warmUp - 1 + steps]];
  const per = (value) => (value(to) - value(from)) / steps;
  const overhead = lineOverhead;
  const ofWorkers = (value) =>
    to.workers.map((_, index) => (value(to.workers[index]) - value(from.workers[index])) / steps);
  const cpus = ofWorkers(({ cpu }) => cpu);
  const most = (values) => values.reduce((a, b) => Math.max(a, b), 0);
  return {
    stepSeconds: per(({ time }) => time),
    reductionSeconds: per(({ time }) => time) - scenario.computeSeconds,
    coordinator: {
      cpuSeconds: per(({ coordinator }) => coordinator.cpu),
      bytesIn: per(({ coordinator }) => coordinator.in) / overhead,
      bytesOut: per(({ coordinator }) => coordinator.out) / overhead,
      messagesSent: per(({ control }) => control.sent),
      messageBytesSent: per(({ control }) => control.sentBytes),
      messagesReceived: per(({ control }) => control.received),
      messageBytesReceived: per(({ control }) => control.receivedBytes),
      /** Real time in the state machine. */
      machineSeconds: per(({ machineSeconds }) => machineSeconds),
    },
    worker: {
      cpuSeconds: most(cpus),
      bytesIn: most(ofWorkers(({ in: bytes }) => bytes)) / overhead,
      bytesOut: most(ofWorkers(({ out: bytes }) => bytes)) / overhead,
    },
    calls: per(({ calls }) => calls),
    events: cluster.timeline.events,
    lost: cluster.coordinator.lost,
    realSeconds: (performance.now() - started) / 1000,
    phases: cluster.coordinator.phases(warmUp + steps, cluster.lastComputed(warmUp + steps)),
  };
}
