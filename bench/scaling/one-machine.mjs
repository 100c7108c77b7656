/**
 * What bench/all-reduce.mjs does, in virtual time: processes that share the cores of one machine sum and share their
 * vectors over loopback, which has no latency and no limit here. To hold the simulation's parts against reality.
 */
import { costs, elementBytes } from "./costs.mjs";
import { Host, Process } from "./process.mjs";
import { Timeline } from "./timeline.mjs";
import { transfer } from "./transfer.mjs";

/**
 * @param {{ SliceReducer: new (options: object) => object }} product
 * @param {{ workers: number, floats: number, dtype: "float32" | "bfloat16", variant: "star" | "mesh" | "mesh+coordinator",
 *   cores: number }} scenario
 * @returns {Promise<{ seconds: number, cpuSeconds: number }>}
 */
export async function allReduceOnOneMachine(product, { workers, floats, dtype, variant, cores }) {
  const timeline = new Timeline();
  const host = new Host(timeline, cores);
  const members = Array.from({ length: workers + 1 }, () => new Process(timeline, { bandwidth: Infinity, host }));
  const { pulls, kernels } = costs;
  const rates = pulls[dtype];
  const settling = [];
  const pull = (from, to, length, serverByte, clientByte) =>
    new Promise((resolve) => {
      transfer({
        timeline,
        server: members[from],
        client: members[to],
        bytes: length * elementBytes[dtype],
        overhead: 1,
        latency: 0,
        cost: { clientCall: pulls.clientCall, serverCall: pulls.serverCall, clientByte, serverByte },
        done: (leave) => {
          leave(() => settling.push(resolve));
          return 0;
        },
      });
    });

  /** The process `index` sums `length` elements of all. */
  const reduce = (index, length) =>
    new Promise((resolve) => {
      const none = new Float32Array(0);
      const reducer = new product.SliceReducer({
        step: 1,
        slice: index,
        offset: 0,
        length: 0,
        roundShards: workers,
        dtype,
        pool: { take: () => none, give: () => undefined },
        workerId: String(index),
        own: () => {
          members[index].spend(length * kernels.add, () => undefined);
          return none;
        },
        pull: (source) => pull(Number(source.workerId), index, length, rates.contribution, rates.added),
        onComplete: resolve,
        onFailed: ({ reason }) => {
          throw new Error(reason);
        },
      });
      // As there: everyone begins with its own, and then with another than the others do.
      for (let place = 0; place < workers; place++) {
        const first = (index + place) % workers;
        reducer.collect([{ node: { first, count: 1 }, source: { workerId: String(first), address: "", key: "" } }]);
      }
    });
  const everyone = Array.from({ length: workers }, (_, index) => index);
  const take = (from, to, length) => pull(from, to, length, rates.reduced, rates.taken);

  async function run() {
    if (variant === "star") {
      await reduce(workers, floats);
      await Promise.all(everyone.map((index) => take(workers, index, floats)));
      return;
    }
    const length = floats / workers;
    await Promise.all(
      everyone.map(async (index) => {
        await reduce(index, length);
        if (variant === "mesh+coordinator") await take(index, workers, length);
      }),
    );
    await Promise.all(
      everyone.flatMap((to) => everyone.filter((from) => from !== to).map((from) => take(from, to, length))),
    );
  }

  let over = false;
  void run().then(() => (over = true));
  for (let turn = 0; turn < 8; turn++) await undefined;
  while (!over) {
    if (!timeline.advance()) throw new Error("nothing can happen any more");
    if (settling.length === 0) continue;
    for (const resolve of settling.splice(0)) resolve();
    for (let turn = 0; turn < 12; turn++) await undefined;
  }
  return { seconds: timeline.now, cpuSeconds: members.reduce((sum, { cpu }) => sum + cpu, 0) };
}
