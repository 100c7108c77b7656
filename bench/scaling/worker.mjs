/**
 * A worker of the simulation: src/worker's session in virtual time. Which nodes it delivers is `LeasePlan`'s choice, whom
 * it pulls from and when `SliceReducer`'s; vectors have no elements, and time is what they would have cost.
 */
export class SimulatedWorker {
  applied = 0;
  #cluster;
  #queue = [];
  #busy = false;
  #reducers = new Map();
  /** What of each lease is to be computed still. */
  #plans = new Map();

  constructor(cluster, id, process) {
    this.#cluster = cluster;
    this.id = id;
    this.process = process;
  }

  /** A control message has come; it is read in the order of the stream. */
  hear(message) {
    const { costs } = this.#cluster;
    const [kind] = Object.keys(message);
    const cost = {
      collect: () => costs.control.receivePart * message.collect.parts.length,
      commit: () => costs.control.receiveSlice * message.commit.slices.length,
      lease: () => costs.control.receiveByte * this.#cluster.options.shardBytes * message.lease.count,
    }[kind];
    this.process.turn((leave) => {
      leave(() => this.#onMessage(kind, message[kind]));
      return costs.control.receive + (cost?.() ?? 0);
    });
  }

  /** Says something to the coordinator, as a turn of its own. */
  #say(event, message) {
    this.process.spend(this.#cluster.costs.control.send, () => this.#cluster.toCoordinator(this, event, message));
  }

  #onMessage(kind, message) {
    if (kind === "reduce") this.#reduce(message);
    else if (kind === "collect") this.#collect(message);
    else {
      // News overtakes work.
      if (kind === "lease") this.#plans.set(message, this.#planOf(message));
      if (kind === "revoke") for (const plan of this.#plans.values()) plan.revoke(message.first, message.count);
      this.#queue.push({ kind, message });
      this.#pump();
    }
  }

  #planOf({ first, count, roundShards }) {
    return new this.#cluster.product.LeasePlan(first, count, roundShards);
  }

  #reduce({ step, slice, length, roundShards }) {
    const { product, options, costs } = this.#cluster;
    const bytes = length * options.elementBytes;
    const none = new Float32Array(0);
    const reducer = new product.SliceReducer({
      step,
      slice,
      offset: 0,
      length: 0,
      roundShards,
      dtype: options.dtype,
      pool: { take: () => none, give: () => undefined },
      workerId: this.id,
      own: () => {
        this.process.spend(length * costs.kernels.add, () => undefined);
        return none;
      },
      pull: (peer) => this.#pull(this.#cluster.worker(peer.workerId), bytes, "contribution"),
      onComplete: () =>
        this.#say({ type: "sliceReduced", worker: this.id, step, slice }, { sliceReduced: { step, slice } }),
      onFailed: ({ reason }) => {
        throw new Error(reason);
      },
    });
    for (const [key, old] of this.#reducers)
      if (old.step < step - 1) {
        old.reducer.close();
        this.#reducers.delete(key);
      }
    this.#reducers.set(`${step}:${slice}`, { step, reducer });
  }

  #collect({ step, slice, parts }) {
    const entry = this.#reducers.get(`${step}:${slice}`);
    entry.reducer.collect(parts.map(({ first, count, source }) => ({ node: { first, count }, source })));
  }

  /** @param {"contribution" | "reduced"} kind */
  #pull(server, bytes, kind) {
    return new Promise((resolve) => {
      this.#cluster.pull({ server, client: this, bytes, kind, done: () => this.#cluster.settle(resolve) });
    });
  }

  #pump() {
    if (this.#busy) return;
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.#busy = true;
    const done = () => {
      this.#busy = false;
      this.#pump();
    };
    if (next.kind === "lease") this.#compute(next.message, done);
    else if (next.kind === "commit") void this.#apply(next.message, done);
    else if (next.kind === "revoke") {
      this.#say({ type: "idle", worker: this.id }, { idle: {} });
      done();
    } else this.#synchronise(next.message, done);
  }

  #synchronise({ step }, done) {
    this.#report(step);
    done();
  }

  #report(step) {
    this.applied = step;
    const hash = String(step);
    this.#say(
      { type: "applied", worker: this.id, step, hash },
      { applied: { step, stateHash: hash.padStart(32, "0") } },
    );
  }

  #compute(lease, done) {
    const { step, first } = lease;
    const { options, costs, timeline } = this.#cluster;
    if (this.applied !== step - 1) throw new Error(`${this.id} was leased step ${step} at step ${this.applied}`);
    const plan = this.#plans.get(lease);
    const seconds = this.#cluster.secondsOfShard(this.id, step);
    const one = () => {
      const shard = plan.begin();
      if (shard === undefined) {
        this.#plans.delete(lease);
        done();
        return;
      }
      timeline.after(seconds, () => {
        plan.computed(shard);
        const nodes = plan.nodes();
        this.#cluster.computed(step);
        // Shards are folded as they come: a sum of several cost an addition each but for the first.
        const fold = shard > first ? options.floats * costs.kernels.add : 0;
        this.process.turn((leave) => {
          const result = { shard, lossSum: 2, supervisedTokens: 1, seconds };
          leave(() =>
            this.#cluster.toCoordinator(
              this,
              { type: "computed", worker: this.id, task: "train", step, result },
              { computed: { task: "TASK_TRAIN", step, ...result } },
            ),
          );
          for (const node of nodes) {
            plan.delivered(node);
            leave(() =>
              this.#cluster.toCoordinator(
                this,
                { type: "contribution", worker: this.id, step, node },
                { contribution: { step, ...node } },
              ),
            );
          }
          return fold + costs.control.send * (1 + nodes.length);
        });
        one();
      });
    };
    one();
  }

  async #apply({ step, slices }, done) {
    const { options, costs } = this.#cluster;
    const { elementBytes } = options;
    if (slices.length === 0) await this.#pull(this.#cluster.coordinator, options.floats * elementBytes, "reduced");
    else
      await Promise.all(
        slices.map(({ length, reducer }) => {
          if (reducer.workerId !== this.id)
            return this.#pull(this.#cluster.worker(reducer.workerId), length * elementBytes, "reduced");
          this.process.spend(length * costs.kernels.add, () => undefined);
          return undefined;
        }),
      );
    this.process.spend(options.floats * costs.kernels.apply, () => {
      this.#report(step);
      done();
    });
  }
}
