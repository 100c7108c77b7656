import { describe, expect, it } from "vitest";
import { shardIndex } from "../../../../src/ids.js";
import { packInts } from "../../../../src/rpc/index.js";
import type { LeaseOutput } from "../../../../src/rpc/index.js";
import { Member } from "../../../../src/worker/membership/member.js";
import type { MemberOptions } from "../../../../src/worker/membership/member.js";
import { SimulatedModels, simulatedLayout } from "../../../support/simulation/simulated-engine.js";
import { VirtualProcess, VirtualTime } from "../../../support/simulation/virtual-clock.js";

const ignore = (): void => undefined;
const row = { inputIds: packInts(Int32Array.of(3, 1)), labels: packInts(Int32Array.of(3, 1)), segments: [2] };
const lease = { step: 1, first: 0, shards: [{ rows: [row] }, { rows: [row] }], roundShards: 2, push: true };

/** A member whose pushes end when the test says so. */
async function memberWith(pushContribution: MemberOptions["calls"]["coordinator"]["pushContribution"]) {
  const time = new VirtualTime();
  const process = new VirtualProcess(time, 0);
  const done = (): Promise<void> => Promise.resolve();
  const models = new SimulatedModels(process, simulatedLayout(8), { shard: done, apply: done });
  const loading = models.load({ runDigest: "digest" });
  let loaded = false;
  void loading.then(() => (loaded = true));
  await time.run(
    () => loaded,
    1e6,
    () => "loading",
  );
  return new Member({
    workerId: "w",
    welcome: { runId: "run", runDigest: "digest" },
    config: { seed: 1, cluster: { all_reduce_dtype: "float32" } },
    model: await loading,
    calls: { coordinator: { pushContribution }, peers: {} },
    clock: process,
    observer: { activity: ignore, shard: ignore, moved: ignore, applied: ignore, committed: ignore },
    send: ignore,
  } as unknown as MemberOptions);
}

describe("a member", () => {
  it("keeps a sum unchanged while it is pushed, though its node is computed again", async () => {
    const pushed: Float32Array[] = [];
    const ends: (() => void)[] = [];
    const member = await memberWith((_step, _node, sum) => {
      pushed.push(sum);
      return new Promise((resolve) => ends.push(resolve));
    });
    const compute = async (shard: number): Promise<void> => {
      await member.compute("train", lease as unknown as LeaseOutput, shardIndex(shard));
      member.serve(1, { first: shardIndex(shard), count: 1 }, []);
      member.closeLease();
    };
    const first = { first: shardIndex(0), count: 1 };
    await compute(0);
    const push = member.pushContribution(1, first);
    const sum = pushed[0]!.slice();
    await compute(0);
    await compute(1);
    expect(pushed[0]).toEqual(sum);
    // Afterwards the vector is used again.
    ends[0]!();
    await push;
    await compute(1);
    expect(pushed[0]).not.toEqual(sum);
  });
});
