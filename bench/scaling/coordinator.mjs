/**
 * The coordinator of the simulation: the product's state machine decides, this carries out as src/coordinator/conductor.ts
 * does. What one event brings about is one turn of the event loop: nothing that it sends leaves before the turn is over.
 */
export class SimulatedCoordinator {
  finished = false;
  /** Real seconds in the state machine. */
  machineSeconds = 0;
  /** Shards that were taken from workers which the state machine held for late. */
  lost = 0;
  onCommitted = () => undefined;
  #cluster;
  #machine;
  #collects = new Map();
  #toReceive = [];
  #receiving = 0;
  #introduced = new Map();
  #marks = new Map();
  #leaseBytes = new Map();

  constructor(cluster, process) {
    this.#cluster = cluster;
    this.process = process;
    const { product, options } = cluster;
    this.#machine = new product.ClusterMachine(
      {
        totalSteps: options.totalSteps,
        minWorkers: options.workers,
        silenceTimeout: 1e9,
        saveSteps: 1e9,
        evalSteps: null,
        evaluationShards: 0,
        shardsOf: () => options.shards,
        learningRate: () => 1,
        clipCoefficient: () => 1,
        evaluated: () => true,
        gradientSize: options.floats,
        reducers: () => options.reducers,
      },
      { step: 0, hash: "0", saved: true },
    );
  }

  start(ids) {
    for (const worker of ids) {
      this.#introduced.set(worker, new Set());
      this.#turn({ type: "joined", worker });
      this.#turn({ type: "ready", worker, reachable: true, replica: undefined });
    }
    this.#tick();
  }

  hear(event) {
    if (event.type === "contribution") this.#mark(event.step, "announced");
    if (event.type === "applied") this.#mark(event.step, "applied");
    if (event.type === "sliceReduced") this.#mark(event.step, "sliceReduced");
    this.#turn(event, this.#cluster.costs.control.receive);
  }

  /** When things of a step were over, after its last gradient was computed, seconds. */
  phases(step, since) {
    return Object.fromEntries(Object.entries(this.#marks.get(step) ?? {}).map(([name, time]) => [name, time - since]));
  }

  #mark(step, name) {
    const marks = this.#marks.get(step) ?? {};
    this.#marks.set(step, marks);
    marks[name] = this.#cluster.timeline.now;
  }

  #tick() {
    this.#cluster.timeline.after(0.25, () => {
      if (this.finished) return;
      this.#turn({ type: "tick" });
      this.#tick();
    });
  }

  #turn(event, before = 0) {
    this.process.turn((leave) => before + this.#dispatch(event, leave));
  }

  #dispatch(event, leave) {
    const { machine } = this.#cluster.costs;
    const events = [event];
    let cost = 0;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const start = performance.now();
      const effects = this.#machine.handle(next, this.#cluster.timeline.now * 1000);
      this.machineSeconds += (performance.now() - start) / 1000;
      cost += machine.event + machine.effect * effects.length;
      if (looksAtAll.has(next.type)) cost += machine.lookedAt * this.#cluster.options.workers;
      for (const effect of effects) cost += this.#carryOut(effect, leave, events);
    }
    return cost;
  }

  /** @returns seconds */
  #carryOut(effect, leave, events) {
    const { costs, options } = this.#cluster;
    const { control, kernels } = costs;
    switch (effect.type) {
      case "synchronise":
        return this.#send(effect.worker, { synchronise: { step: effect.step } }, leave);
      case "lease": {
        const { worker, step, first, count, roundShards } = effect;
        const bytes = control.sendByte * options.shardBytes * count;
        return (
          bytes +
          this.#send(worker, { lease: { step, first, count, roundShards } }, leave, () => this.#bytesOfLease(count))
        );
      }
      case "reduceSlice": {
        const { worker, step, slice, roundShards } = effect;
        const { index, offset, length } = slice;
        return this.#send(worker, { reduce: { step, slice: index, offset, length, roundShards } }, leave);
      }
      case "revoke":
        return this.#send(effect.worker, { revoke: effect }, leave, () => 24);
      case "receive":
        this.#toReceive.push(effect);
        this.#receiveNext(leave);
        return 0;
      case "gather":
        this.#pull(effect.worker, effect.slice.length, "reduced", leave, {
          type: "gathered",
          worker: effect.worker,
          step: effect.step,
          slice: effect.slice.index,
        });
        return 0;
      case "collect":
        return this.#collect(effect);
      case "allAnnounced":
        return this.#sendCollects(leave);
      case "reduce":
        this.#mark(effect.step, "complete");
        events.push({ type: "reduced", step: effect.step, gradNorm: 1 });
        return kernels.norm * options.floats;
      case "commit":
        return this.#commit(effect, leave);
      case "finish":
        this.finished = true;
        return 0;
      case "save":
        events.push({ type: "saved", step: effect.step });
        return 0;
      case "accept":
      case "replicated":
        return 0;
      case "lost":
        this.lost += effect.count;
        return 0;
      default:
        throw new Error(`${effect.type}: ${effect.reason ?? ""} at ${this.#cluster.timeline.now.toFixed(3)} s`);
    }
  }

  #receiveNext(leave) {
    while (this.#receiving < receivedAtOnce && this.#toReceive.length > 0) {
      const { worker, step, node } = this.#toReceive.shift();
      this.#receiving++;
      this.#pull(worker, this.#cluster.options.floats, "contribution", leave, { type: "received", worker, step, node });
    }
  }

  #collect({ worker, step, slice, node, source }) {
    if (this.#collects.size === 0)
      this.#cluster.timeline.after(collectDelay, () => this.process.turn((leave) => this.#sendCollects(leave)));
    const collect = this.#collects.get(worker) ?? { step, slice, parts: [] };
    this.#collects.set(worker, collect);
    collect.parts.push({ ...node, source: this.#introduce(worker, source) });
    return 0;
  }

  #sendCollects(leave) {
    const { sendPart } = this.#cluster.costs.control;
    let cost = 0;
    for (const [worker, collect] of this.#collects)
      cost += sendPart * collect.parts.length + this.#send(worker, { collect }, leave);
    this.#collects.clear();
    return cost;
  }

  #commit({ step, learningRate, scale, workers, slices }, leave) {
    const { control, kernels } = this.#cluster.costs;
    // Written once for all who know every reducer.
    let cost = this.#sendCollects(leave) + control.sendSlice * slices.length;
    for (const worker of workers) {
      const known = this.#introduced.get(worker);
      const news = slices.some(({ reducer }) => !known.has(reducer));
      const told = slices.map(({ offset, length, reducer }) => ({
        offset,
        length,
        reducer: this.#introduce(worker, reducer),
      }));
      if (news) cost += control.sendSlice * told.length;
      cost += this.#send(worker, { commit: { step, learningRate, scale, slices: told } }, leave);
    }
    leave(() => {
      this.#mark(step, "committed");
      this.onCommitted();
    });
    // The coordinator's own update is the next turn: commits have left.
    this.#turn({ type: "committed", step, hash: String(step) }, kernels.apply * this.#cluster.options.floats);
    return cost;
  }

  #introduce(to, other) {
    const known = this.#introduced.get(to);
    if (known.has(other)) return { workerId: other };
    known.add(other);
    return { workerId: other, address: "10.0.0.1:40000", key: "0".repeat(48) };
  }

  #send(worker, message, leave, bytesOf = () => this.#cluster.product.coordinatorMessageBytes(message)) {
    const bytes = bytesOf();
    leave(() => this.#cluster.toWorker(worker, message, bytes));
    return this.#cluster.costs.control.send;
  }

  #bytesOfLease(shards) {
    const known = this.#leaseBytes.get(shards);
    if (known !== undefined) return known;
    const { shardBytes } = this.#cluster.options;
    const row = { inputIds: new Uint8Array(shardBytes / 2), labels: new Uint8Array(shardBytes / 2), segments: [1024] };
    const lease = {
      step: 7,
      first: 100,
      shards: Array.from({ length: shards }, () => ({ rows: [row] })),
      roundShards: 100,
    };
    const bytes = this.#cluster.product.coordinatorMessageBytes({ lease });
    this.#leaseBytes.set(shards, bytes);
    return bytes;
  }

  #pull(worker, floats, kind, leave, event) {
    leave(() =>
      this.#cluster.pull({
        server: this.#cluster.worker(worker),
        client: this,
        bytes: floats * this.#cluster.options.elementBytes,
        kind,
        done: () => {
          if (event.type === "received") {
            this.#receiving--;
            this.process.turn((next) => {
              this.#receiveNext(next);
              return 0;
            });
          }
          this.#turn(event);
        },
      }),
    );
  }
}

/** As in src/coordinator/service/collects.ts, in seconds, and step-sum.ts. */
const collectDelay = 0.005;
const receivedAtOnce = 8;

/** What may let a worker take work from others, so that all are looked at. */
const looksAtAll = new Set(["computed", "applied", "idle", "tick"]);
