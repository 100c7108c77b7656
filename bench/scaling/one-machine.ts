/**
 * What bench/all-reduce.mjs does, in virtual time: processes that share the cores of one machine sum and share their
 * vectors over loopback, which has no latency and no limit here. To compare the parts of the simulation with reality.
 */
import type { VectorDtype } from "../../src/collective/index.js";
import { VectorPool } from "../../src/collective/index.js";
import { shardIndex } from "../../src/ids.js";
import { SliceReducer } from "../../src/worker/gradient/slice-reducer.js";
import { VirtualTime } from "../../tests/support/simulation/virtual-clock.js";
import { costs, elementBytes } from "./costs.js";
import { Host, Processor } from "./processor.js";
import { transfer } from "./transfer.js";

export interface OneMachine {
  readonly workers: number;
  readonly floats: number;
  readonly dtype: VectorDtype;
  readonly variant: "star" | "mesh" | "mesh+coordinator";
  readonly cores: number;
}

/** @returns wall time, and processor time of all processes */
export async function allReduceOnOneMachine({
  workers,
  floats,
  dtype,
  variant,
  cores,
}: OneMachine): Promise<{ readonly seconds: number; readonly cpuSeconds: number }> {
  const time = new VirtualTime();
  const host = new Host(cores);
  const members = Array.from(
    { length: workers + 1 },
    (_, index) => new Processor(time, { name: String(index), bandwidth: Infinity, host }),
  );
  const member = (index: number): Processor => members[index]!;
  const { pulls, kernels } = costs;
  const rates = pulls[dtype];
  const pull = (from: number, to: number, length: number, serverByte: number, clientByte: number): Promise<void> =>
    new Promise((resolve) => {
      const cost = {
        clientCall: pulls.clientCall * 1000,
        serverCall: pulls.serverCall * 1000,
        clientByte: clientByte * 1000,
        serverByte: serverByte * 1000,
      };
      const ends = { time, server: member(from), client: member(to), overhead: 1, latency: 0, cost };
      transfer(ends, length * elementBytes[dtype], () => true, resolve);
    });

  /** The process `index` sums `length` elements of all. The vectors have no elements. */
  const reduce = (index: number, length: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const reducer = new SliceReducer({
        step: 1,
        slice: index,
        offset: 0,
        length: 0,
        roundShards: workers,
        dtype,
        pool: new VectorPool(0),
        workerId: String(index),
        own: () => {
          member(index).busy(length * kernels.add * 1000, () => undefined);
          return new Float32Array(0);
        },
        pull: async (source) => {
          await pull(Number(source.workerId), index, length, rates.contribution, rates.added);
          return 0;
        },
        onComplete: () => resolve(),
        onFailed: ({ reason }) => reject(new Error(reason)),
      });
      // As there: every process begins with its own, and then with another than the others do.
      for (let place = 0; place < workers; place++) {
        const first = (index + place) % workers;
        const source = { workerId: String(first), address: "", key: "", certificate: Buffer.alloc(0) };
        reducer.collect([{ node: { first: shardIndex(first), count: 1 }, source, checksum: 0 }]);
      }
    });
  const everyone = Array.from({ length: workers }, (_, index) => index);
  const take = (from: number, to: number, length: number): Promise<void> =>
    pull(from, to, length, rates.reduced, rates.taken);

  async function allReduce(): Promise<void> {
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
  const done = allReduce().finally(() => (over = true));
  await time.run(
    () => over,
    1e9,
    () => "the all-reduce waits for something",
  );
  await done;
  return { seconds: time.now / 1000, cpuSeconds: members.reduce((sum, { cpu }) => sum + cpu, 0) / 1000 };
}
