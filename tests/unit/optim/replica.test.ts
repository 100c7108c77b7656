import { describe, expect, it } from "vitest";
import { CoxswainError } from "../../../src/errors.js";
import { stepNumber } from "../../../src/ids.js";
import { adamwUpdate, Replica, type ReplicaState } from "../../../src/optim/index.js";
import { bitsOf, gradientLike } from "../collective/reference.js";

const size = 5000;
const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
const begin: ReplicaState = {
  step: stepNumber(0),
  parameters: gradientLike(size, 1),
  m: new Float32Array(size),
  v: new Float32Array(size),
};
const updateOf = (step: number) => ({
  step,
  gradient: gradientLike(size, 10 + step),
  learningRate: 1e-3,
  scale: 1 / 99,
});

function replicaAt(steps: number): Replica {
  const replica = new Replica(size, settings);
  replica.assign(begin);
  for (let step = 1; step <= steps; step++) replica.apply(updateOf(step));
  return replica;
}

const bits = ({ parameters, m, v }: ReplicaState): number[][] => [parameters, m, v].map(bitsOf);

describe("replicas that apply the same commits are equal to the bit", () => {
  it("applies AdamW with the number of its step", () => {
    const expected = { parameters: begin.parameters.slice(), m: new Float32Array(size), v: new Float32Array(size) };
    for (const step of [1, 2, 3]) {
      const { gradient, ...update } = updateOf(step);
      adamwUpdate(expected, gradient, { ...settings, ...update });
    }
    const replica = replicaAt(3);
    expect(bits(replica)).toEqual(bits({ ...expected, step: replica.step }));
    expect(replica.step).toBe(3);
  });

  it("continues from a received state with the same bits", () => {
    const veteran = replicaAt(2);
    const late = new Replica(size, settings);
    late.restore(veteran.step, veteran.toBytes());
    expect(late.hash()).toBe(veteran.hash());
    for (const replica of [veteran, late]) replica.apply(updateOf(3));
    expect(bits(late)).toEqual(bits(veteran));
    expect(late.hash()).toBe(veteran.hash());
    expect(late.hash()).toBe(replicaAt(3).hash());
  });

  it("accepts unaligned bytes", () => {
    const veteran = replicaAt(1);
    const message = Buffer.alloc(12 * size + 1);
    message.set(veteran.toBytes(), 1);
    const late = new Replica(size, settings);
    late.restore(1, message.subarray(1));
    expect(late.hash()).toBe(veteran.hash());
  });

  it("shows a lost or repeated step in the hash", () => {
    const hashes = [0, 1, 2, 3].map((steps) => replicaAt(steps).hash());
    expect(new Set(hashes).size).toBe(4);
  });
});

describe("a snapshot can be written to a checkpoint while training continues", () => {
  it("does not change with later updates", () => {
    const replica = replicaAt(1);
    const snapshot = replica.snapshot();
    const before = bits(snapshot);
    replica.apply(updateOf(2));
    expect(bits(snapshot)).toEqual(before);
    expect(snapshot.step).toBe(1);
    expect(bits(replica)).not.toEqual(before);
  });
});

describe("a mismatched update or state is rejected, and nothing changes", () => {
  it.each([
    ["a step that is skipped", { ...updateOf(3) }],
    ["a step that was applied", { ...updateOf(1) }],
    ["a gradient of another size", { ...updateOf(2), gradient: new Float32Array(size - 1) }],
  ])("%s", (_name, update) => {
    const replica = replicaAt(1);
    const before = replica.hash();
    expect(() => replica.apply(update)).toThrow(CoxswainError);
    expect(replica.hash()).toBe(before);
  });

  it.each([
    ["too few bytes", 1, 12 * size - 4],
    ["too many bytes", 1, 12 * size + 12],
    ["no step", Number.NaN, 12 * size],
    ["a step below 0", -1, 12 * size],
  ])("%s", (_name, step, bytes) => {
    const replica = replicaAt(1);
    const before = replica.hash();
    expect(() => replica.restore(step, new Uint8Array(bytes))).toThrow(CoxswainError);
    expect(replica.hash()).toBe(before);
  });
});
