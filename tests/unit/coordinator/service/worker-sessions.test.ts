import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../../src/clock.js";
import type { CommitEffect, EffectOf } from "../../../../src/coordinator/machine/index.js";
import { Sessions } from "../../../../src/coordinator/service/worker-sessions.js";
import { shardIndex, stepNumber } from "../../../../src/ids.js";
import { toldSession } from "../../../support/told-session.js";

const step = stepNumber(1);

/** Workers a, b and c attend. */
function attended() {
  const sessions = new Sessions(
    {
      microBatchSize: 1,
      training: () => {
        throw new Error("nothing is leased here");
      },
      evaluation: () => {
        throw new Error("nothing is leased here");
      },
    },
    systemClock,
  );
  const workers = ["a", "b", "c"].map((id) => toldSession(id));
  for (const { session } of workers) sessions.add(session);
  return { sessions, told: workers.map(({ told }) => told) };
}

const collect = (worker: string, source: string, first: number): EffectOf<"collect"> => ({
  type: "collect",
  worker,
  step,
  slice: 0,
  node: { first: shardIndex(first), count: 1 },
  source,
  checksum: 7,
});

const commit: CommitEffect = {
  type: "commit",
  step,
  learningRate: 0.1,
  scale: 0.5,
  loss: 2,
  gradNorm: 1,
  supervisedTokens: 4,
  workers: ["a", "c"],
  slices: [{ index: 0, offset: 0, length: 8, reducer: "b", checksum: 9 }],
  activeWorkers: 3,
  shards: 2,
  startedAt: 0,
  computedAt: 1,
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a reducer", () => {
  it("gets simultaneous sums in one message, and the address of their source once", () => {
    const { sessions, told } = attended();
    sessions.collect(collect("a", "b", 0));
    sessions.collect(collect("a", "b", 1));
    expect(told[0]).toEqual([]);
    vi.advanceTimersByTime(5);
    const [address, known] = [expect.objectContaining({ workerId: "b", key: "key of b" }) as object, { workerId: "b" }];
    expect(told[0]).toEqual([
      {
        collect: {
          step,
          slice: 0,
          parts: [
            { first: 0, count: 1, source: address, checksum: 7 },
            { first: 1, count: 1, source: known, checksum: 7 },
          ],
        },
      },
    ]);
  });

  it("gets the last sum immediately", () => {
    const { sessions, told } = attended();
    sessions.collect(collect("a", "b", 0));
    sessions.allAnnounced();
    expect(told[0]).toHaveLength(1);
    vi.advanceTimersByTime(100);
    expect(told[0]).toHaveLength(1);
  });

  it("gets it before the commit", () => {
    const { sessions, told } = attended();
    sessions.collect(collect("a", "b", 0));
    sessions.commit(commit);
    expect(told[0]?.map((message) => Object.keys(message)[0])).toEqual(["collect", "commit"]);
  });

  it("gets nothing about a worker that is gone", () => {
    const { sessions, told } = attended();
    sessions.remove("b");
    sessions.collect(collect("a", "b", 0));
    vi.advanceTimersByTime(5);
    expect(told[0]).toEqual([]);
  });
});

describe("a commit", () => {
  it("goes to its recipients, with the address of a reducer if the recipient lacks it", () => {
    const { sessions, told } = attended();
    sessions.collect(collect("a", "b", 0));
    sessions.allAnnounced();
    sessions.commit(commit);
    expect(told[1]).toEqual([]);
    const slices = [{ offset: 0, length: 8, checksum: 9, reducer: { workerId: "b" } }];
    expect(told[0]?.at(-1)).toEqual({ commit: { step, learningRate: 0.1, scale: 0.5, slices } });
    expect(told[2]?.at(-1)).toMatchObject({ commit: { slices: [{ reducer: { workerId: "b", key: "key of b" } }] } });
  });

  it("names only the coordinator if a reducer is gone", () => {
    const { sessions, told } = attended();
    sessions.remove("b");
    sessions.commit(commit);
    expect(told[0]?.at(-1)).toMatchObject({ commit: { slices: [{ reducer: null }] } });
  });
});
