import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClusterMachine } from "../../../src/coordinator/machine/index.js";
import type { Effect, Event, MachineSettings } from "../../../src/coordinator/machine/index.js";
import { CoxswainError } from "../../../src/errors.js";
import { shardIndex, stepNumber } from "../../../src/ids.js";
import { ClusterSimulation } from "../../support/cluster-simulation.js";

const settings: MachineSettings = {
  totalSteps: 3,
  minWorkers: 1,
  silenceTimeout: 10_000,
  saveSteps: 2,
  evalSteps: null,
  evaluationShards: 0,
  shardsOf: () => 4,
  learningRate: (step) => step / 10,
  clipCoefficient: (norm) => Math.min(1, 1 / norm),
};

/** A machine with workers that have joined and hold the replica of step 0. */
function started(overrides: Partial<MachineSettings> = {}, workers = ["a", "b"]) {
  const machine = new ClusterMachine(
    { ...settings, minWorkers: workers.length, ...overrides },
    { step: stepNumber(0), hash: "h0", saved: false },
  );
  const effects: Effect[] = [];
  let now = 0;
  const send = (event: Event): Effect[] => {
    const some = machine.handle(event, now);
    effects.push(...some);
    return some;
  };
  for (const worker of workers) {
    send({ type: "joined", worker });
    send({ type: "ready", worker });
    send({ type: "applied", worker, step: stepNumber(0), hash: "h0" });
  }
  return { machine, send, effects, pass: (ms: number) => (now += ms) };
}

const contribution = (worker: string, first: number, count: number, step = 1, loss = 2): Event => ({
  type: "contribution",
  worker,
  task: "train",
  step: stepNumber(step),
  node: { first: shardIndex(first), count },
  results: Array.from({ length: count }, (_, index) => ({
    shard: shardIndex(first + index),
    lossSum: loss,
    supervisedTokens: 5,
    seconds: 1,
  })),
});
const received = (worker: string, first: number, count: number, step = 1): Event => ({
  type: "received",
  worker,
  step: stepNumber(step),
  node: { first: shardIndex(first), count },
});
const ofType = <T extends Effect["type"]>(effects: Effect[], type: T): Extract<Effect, { type: T }>[] =>
  effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type);

describe("a step", () => {
  it("is committed with the token-weighted loss, the clip coefficient over its tokens and its learning rate", () => {
    const { send, effects } = started({}, ["a"]);
    expect(ofType(effects, "lease")).toMatchObject([{ worker: "a", step: 1, first: 0, count: 4, again: false }]);
    send(contribution("a", 0, 4));
    expect(send(received("a", 0, 4)).map(({ type }) => type)).toEqual(["accept", "reduce"]);
    const [commit] = ofType(send({ type: "reduced", step: stepNumber(1), gradNorm: 4 }), "commit");
    expect(commit).toMatchObject({ step: 1, learningRate: 0.1, loss: 8 / 20, scale: 0.25 / 20, workers: ["a"] });
  });

  it("starts only when min_workers are ready, and not before", () => {
    const { send, effects, machine } = started({ minWorkers: 2 }, ["a"]);
    expect(ofType(effects, "lease")).toEqual([]);
    expect(machine.status().waiting).toContain("1 of 2");
    send({ type: "joined", worker: "b" });
    send({ type: "ready", worker: "b" });
    send({ type: "applied", worker: "b", step: stepNumber(0), hash: "h0" });
    expect(ofType(effects, "lease").map(({ worker }) => worker)).toEqual(["a", "b"]);
  });
});

describe("a worker that dies in the middle of a step", () => {
  it("loses only the shards it has not delivered: they are leased again at once", () => {
    const { send } = started({ shardsOf: () => 8 });
    send(contribution("a", 0, 2));
    send(received("a", 0, 2));
    const after = send({ type: "left", worker: "a", reason: "killed" });
    expect(ofType(after, "lost")).toMatchObject([{ worker: "a", count: 2 }]);
    expect(ofType(after, "lease")).toMatchObject([{ worker: "b", first: 2, count: 2, again: true }]);
  });

  it("is waited for when it was the last one, and a new worker takes over the same step", () => {
    const { send, machine } = started({}, ["a"]);
    send({ type: "left", worker: "a", reason: "killed" });
    expect(machine.status().waiting).toContain("no worker");
    send({ type: "joined", worker: "c" });
    send({ type: "ready", worker: "c" });
    const after = send({ type: "applied", worker: "c", step: stepNumber(0), hash: "h0" });
    expect(ofType(after, "lease")).toMatchObject([{ worker: "c", step: 1, first: 0, count: 4 }]);
  });

  it("is noticed by its silence", () => {
    const { send, pass, machine } = started();
    pass(8_000);
    send({ type: "heard", worker: "a" });
    pass(8_000);
    const after = send({ type: "tick" });
    expect(ofType(after, "drop")).toMatchObject([{ worker: "b" }]);
    expect(machine.status().workers.active).toBe(1);
  });
});

describe("what a worker says out of turn", () => {
  it("is ignored: shards it was not leased, another step, results that don't fit", () => {
    const { send } = started();
    expect(send(contribution("a", 2, 2))).toEqual([]);
    expect(send(contribution("a", 0, 2, 7))).toEqual([]);
    expect(send({ ...contribution("a", 0, 2), results: [] } as Event)).toEqual([]);
    expect(send(received("a", 0, 2))).toEqual([]);
  });

  it("does not count twice", () => {
    const { send } = started();
    send(contribution("a", 0, 2));
    expect(ofType(send(received("a", 0, 2)), "accept")).toHaveLength(1);
    expect(send(received("a", 0, 2))).toEqual([]);
    expect(send(contribution("a", 0, 2))).toEqual([]);
  });
});

describe("a replica that differs", () => {
  it("is named, sent the right state, and its work is given to others", () => {
    const { send } = started();
    for (const worker of ["a", "b"]) {
      const first = worker === "a" ? 0 : 2;
      send(contribution(worker, first, 2));
      send(received(worker, first, 2));
    }
    send({ type: "reduced", step: stepNumber(1), gradNorm: 1 });
    send({ type: "committed", step: stepNumber(1), hash: "h1" });
    const after = send({ type: "applied", worker: "b", step: stepNumber(1), hash: "other" });
    expect(ofType(after, "mismatch")).toMatchObject([{ worker: "b", step: 1 }]);
    expect(ofType(after, "synchronise")).toMatchObject([{ worker: "b", step: 1 }]);
    expect(ofType(after, "lease")).toMatchObject([{ worker: "a", first: 2, count: 2, again: true }]);
  });
});

describe("a loss that is not a number", () => {
  it("stops the run before the step is applied, and keeps the last good state", () => {
    const { send, effects } = started({}, ["a"]);
    send(contribution("a", 0, 4));
    send(received("a", 0, 4));
    send({ type: "reduced", step: stepNumber(1), gradNorm: 1 });
    send({ type: "committed", step: stepNumber(1), hash: "h1" });
    send({ type: "applied", worker: "a", step: stepNumber(1), hash: "h1" });
    send(contribution("a", 0, 4, 2, Number.NaN));
    send(received("a", 0, 4, 2));
    const after = send({ type: "reduced", step: stepNumber(2), gradNorm: Number.NaN });
    expect(ofType(after, "save")).toMatchObject([{ step: 1 }]);
    expect(ofType(effects, "commit")).toHaveLength(1);
    const [finish] = ofType(send({ type: "saved", step: stepNumber(1) }), "finish");
    expect(finish?.outcome).toMatchObject({ kind: "failed", error: { code: "config" } });
    expect(finish?.outcome.kind === "failed" && finish.outcome.error.message).toContain("step 2");
  });
});

describe("stopping", () => {
  it("finishes the step in flight, saves, then ends", () => {
    const { send } = started({}, ["a"]);
    expect(send({ type: "stop", reason: "interrupted" })).toEqual([]);
    send(contribution("a", 0, 4));
    send(received("a", 0, 4));
    send({ type: "reduced", step: stepNumber(1), gradNorm: 1 });
    expect(send({ type: "committed", step: stepNumber(1), hash: "h1" })).toMatchObject([{ type: "save", step: 1 }]);
    expect(send({ type: "saved", step: stepNumber(1) })).toMatchObject([
      { type: "finish", outcome: { kind: "stopped", reason: "interrupted" } },
    ]);
  });

  it("ends at once when nobody computes", () => {
    const { send } = started({ minWorkers: 3 });
    expect(send({ type: "stop", reason: "interrupted" })).toMatchObject([{ type: "finish" }]);
  });
});

describe("a disk that is full", () => {
  it("does not stop training while later checkpoints may succeed, but fails the run when the last one does not", () => {
    const { send } = started({ totalSteps: 1, saveSteps: 1 }, ["a"]);
    send(contribution("a", 0, 4));
    send(received("a", 0, 4));
    send({ type: "reduced", step: stepNumber(1), gradNorm: 1 });
    send({ type: "committed", step: stepNumber(1), hash: "h1" });
    const error = new CoxswainError("storage", "no space left");
    const after = send({ type: "saveFailed", step: stepNumber(1), error });
    expect(after).toMatchObject([{ type: "saveFailed" }, { type: "finish", outcome: { kind: "failed", error } }]);
  });
});

describe("any order of events", () => {
  /** A stream of random numbers that fast-check can shrink and replay: its seed is printed when a run fails. */
  const generator = (seed: number): (() => number) => {
    let state = seed >>> 0;
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
  };

  it("commits every step once, in order, with every shard counted once, whoever dies", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(0, 0.01, 0.05),
        fc.constantFrom(0, 0.1),
        (seed, workers, shards, deaths, losses) => {
          const simulation = new ClusterSimulation({
            settings: { totalSteps: 10, shards, evalSteps: 3, evaluationShards: 3 },
            random: generator(seed),
            workers,
            ...(deaths > 0 ? { deaths } : {}),
            losses,
          });
          expect(simulation.run()).toEqual({ kind: "completed" });
          expect(simulation.commits).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
          expect(simulation.evaluations).toEqual([3, 6, 9, 10]);
          expect(simulation.saves).toEqual([4, 8, 10]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
