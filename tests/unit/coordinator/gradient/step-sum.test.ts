import { describe, expect, it } from "vitest";
import { vectorChecksum } from "../../../../src/collective/index.js";
import type { TreeNode } from "../../../../src/collective/index.js";
import type { Event, SliceChecksums } from "../../../../src/coordinator/machine/index.js";
import { SumDiffers } from "../../../../src/coordinator/service/sum-differs.js";
import { StepSum } from "../../../../src/coordinator/gradient/step-sum.js";
import { CoxswainError } from "../../../../src/errors.js";
import { shardIndex, stepNumber } from "../../../../src/ids.js";
import { createLogger } from "../../../../src/telemetry/index.js";
import { toldSession } from "../../../support/told-session.js";

const [one, two] = [stepNumber(1), stepNumber(2)];
const leaf = (first: number) => ({ first: shardIndex(first), count: 1 });

/** Worker a pushes; what is received is accepted, as long as `accepts` says so. */
function opened({ accepts = true } = {}) {
  const { session } = toldSession("a");
  const events: Event[] = [];
  const rejected: string[] = [];
  let bytes = 0;
  const sum = new StepSum({
    size: 2,
    allReduceDtype: "float32",
    sessions: { get: (id) => (id === "a" ? session : undefined) },
    recorder: {
      received: (more) => void (bytes += more),
      differs: (worker, step, { first }) => void rejected.push(`${worker} ${step}:${first}`),
    },
    logger: createLogger({ name: "test", level: "silent" }).logger,
    onBug: (error) => {
      throw error;
    },
    dispatch: (event) => {
      events.push(event);
      if (event.type === "received" && accepts) sum.accept({ ...event, type: "accept" });
    },
  });
  /** @param announced the vector whose checksum was announced */
  const receive = (first: number, worker = "a", announced = vectors[first]!): void =>
    sum.receive({ type: "receive", worker, step: one, node: leaf(first), expected: expectedOf(announced) });
  const push = (node: TreeNode, vector: Float32Array): void =>
    session.sums.pushed(1, node, { vector, checksum: vectorChecksum(vector, "float32") });
  return { sum, session, events, rejected, receive, push, bytes: () => bytes };
}

/** By shard. */
const vectors = [Float32Array.of(1, 2), Float32Array.of(10, 20)];
const expectedOf = (vector: Float32Array): SliceChecksums => ({
  slices: [],
  checksums: [vectorChecksum(vector, "float32")],
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the sum of a step", () => {
  it("contains all accepted contributions, in any order of arrival", async () => {
    const { sum, push, receive, bytes } = opened();
    sum.open(one, 2);
    push(leaf(1), Float32Array.of(10, 20));
    receive(0);
    receive(1);
    await turn();
    push(leaf(0), Float32Array.of(1, 2));
    await turn();
    expect([...sum.take(one)]).toEqual([11, 22]);
    expect(bytes()).toBe(16);
  });

  it("does not restart with a later lease of the same step", async () => {
    const { sum, push, receive } = opened();
    sum.open(one, 1);
    push(leaf(0), Float32Array.of(1, 2));
    receive(0);
    await turn();
    sum.open(one, 1);
    expect([...sum.take(one)]).toEqual([1, 2]);
  });

  it("is unavailable if it is incomplete or was already taken", async () => {
    const { sum, push, receive } = opened({ accepts: false });
    sum.open(one, 1);
    push(leaf(0), Float32Array.of(1, 2));
    receive(0);
    await turn();
    expect(() => sum.take(one)).toThrow(CoxswainError);
    expect(() => sum.take(two)).toThrow("no tree for step 2");
  });
});

describe("a contribution", () => {
  it("that does not arrive is reported, and its worker pushes from then on", async () => {
    const { sum, session, events, receive } = opened();
    sum.open(one, 2);
    // It has no connection to pull over.
    session.pushes = false;
    receive(0);
    await turn();
    expect(events).toEqual([{ type: "receiveFailed", worker: "a", step: one, node: leaf(0), differs: false }]);
    expect(session.pushes).toBe(true);
  });

  it("of a finished step or a lost worker is not waited for", async () => {
    const { sum, events, receive } = opened();
    sum.open(two, 2);
    receive(0);
    receive(0, "b");
    await turn();
    expect(events).toEqual([]);
  });

  it("that is not what was announced is rejected with its worker's name, and may be pushed again", async () => {
    const { sum, session, events, rejected, receive, push } = opened();
    sum.open(one, 1);
    push(leaf(0), Float32Array.of(1, 3));
    receive(0);
    await turn();
    expect(events).toEqual([{ type: "receiveFailed", worker: "a", step: one, node: leaf(0), differs: true }]);
    expect(rejected).toEqual(["a 1:0"]);
    expect(session.pushes).toBe(true);
    push(leaf(0), vectors[0]!);
    receive(0);
    await turn();
    expect([...sum.take(one)]).toEqual([1, 2]);
  });

  it.each(["before", "after"])(
    "that is pushed twice with different values, %s it is requested, is rejected",
    async (when) => {
      const { sum, events, rejected, receive, push } = opened();
      sum.open(one, 1);
      if (when === "after") receive(0);
      // Neither push settles before the next one arrives.
      push(leaf(0), vectors[0]!);
      const again = (): void => push(leaf(0), Float32Array.of(1, 3));
      if (when === "before") {
        expect(again).toThrow("worker a: the sum of shards [0, 1) of step 1 was pushed twice, with different values");
        receive(0);
        await turn();
        expect(events).toMatchObject([{ type: "receiveFailed", differs: true }]);
        expect(rejected).toEqual(["a 1:0"]);
      } else {
        // The first one has been taken: it counts.
        await turn();
        expect(again).toThrow(SumDiffers);
        expect([...sum.take(one)]).toEqual([1, 2]);
      }
    },
  );
});
