import { describe, expect, it } from "vitest";
import type { CommitEffect, Event } from "../../../../src/coordinator/machine/index.js";
import { OwnReplica } from "../../../../src/coordinator/gradient/own-replica.js";
import { stepNumber } from "../../../../src/ids.js";
import { Replica } from "../../../../src/optim/index.js";
import { createLogger } from "../../../../src/telemetry/index.js";

/** A replica of two parameters; what is told to the world, and to the state machine. */
function opened() {
  const replica = new Replica(2, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  const told: string[] = [];
  const events: Event[] = [];
  const own = new OwnReplica({
    replica,
    recorder: {
      committing: ({ step }) => {
        told.push(`committing ${step}`);
        return () => void told.push(`committed ${step}`);
      },
      applied: () => undefined,
    },
    logger: createLogger({ name: "test", level: "silent" }).logger,
    dispatch: (event) => void events.push(event),
    clock: { now: () => 0 },
  });
  const reduce = (step: number): void =>
    own.reduce({ type: "reduce", step: stepNumber(step), tokens: 2 }, { take: () => Float32Array.of(6, 8) });
  return { own, replica, told, events, reduce };
}

const commit = (step: number): CommitEffect => ({
  type: "commit",
  step: stepNumber(step),
  learningRate: 0.1,
  scale: 0.5,
  loss: 2,
  gradNorm: 5,
  supervisedTokens: 2,
  workers: [],
  slices: [],
  activeWorkers: 1,
  shards: 2,
  startedAt: 0,
  computedAt: 1,
});

describe("the coordinator's replica", () => {
  it("reports the norm of the mean gradient, and keeps the sums of two steps for late workers", () => {
    const { own, events, reduce } = opened();
    for (const step of [1, 2, 3]) reduce(step);
    // |(6, 8) / 2| = 5.
    expect(events[0]).toEqual({ type: "reduced", step: 1, gradNorm: 5 });
    expect([1, 2, 3].map((step) => own.reduced(stepNumber(step)) !== undefined)).toEqual([false, true, true]);
  });

  it("applies a commit once, on request", () => {
    const { own, replica, reduce } = opened();
    reduce(1);
    own.commit(commit(1));
    expect(replica.step).toBe(0);
    expect(own.apply()).toEqual({ type: "committed", step: 1, hash: replica.hash() });
    expect(replica.step).toBe(1);
    expect(own.apply()).toBeUndefined();
  });

  it("publishes a commit once it is also held elsewhere: by a worker, the disk, or the next step's workers", () => {
    const { own, told, reduce } = opened();
    reduce(1);
    own.commit(commit(1));
    own.apply();
    own.record(stepNumber(0));
    expect(told).toEqual(["committing 1"]);
    reduce(2);
    own.commit(commit(2));
    expect(told).toEqual(["committing 1", "committed 1", "committing 2"]);
    own.record(stepNumber(2));
    own.record(stepNumber(2));
    expect(told.slice(3)).toEqual(["committed 2"]);
  });

  it("stays unchanged if a worker's replica differs from the one it offered", async () => {
    const { own, replica, events } = opened();
    const before = replica.hash();
    const session = { replica: () => Promise.resolve({ step: 7, bytes: replica.toBytes() }) };
    const offered = { step: stepNumber(7), hash: "another" };
    await own.adopt({ type: "adopt", worker: "a", replica: offered }, session);
    expect(events).toEqual([{ type: "adoptFailed", worker: "a" }]);
    expect([replica.step, replica.hash()]).toEqual([0, before]);
    const held = { step: stepNumber(0), hash: before };
    const honest = { replica: () => Promise.resolve({ step: 0, bytes: replica.toBytes() }) };
    await own.adopt({ type: "adopt", worker: "b", replica: held }, honest);
    expect(events[1]).toEqual({ type: "adopted", worker: "b", replica: held });
  });
});
