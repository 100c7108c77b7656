import { describe, expect, it } from "vitest";
import { squareSumBlock } from "../../../../src/collective/index.js";
import { ClusterMachine } from "../../../../src/coordinator/machine/index.js";
import type { Effect, Event, MachineSettings } from "../../../../src/coordinator/machine/index.js";
import { CoxswainError } from "../../../../src/errors.js";
import { shardIndex, stepNumber } from "../../../../src/ids.js";

const settings: MachineSettings = {
  totalSteps: 3,
  minWorkers: 1,
  silenceTimeout: 10_000,
  float16: false,
  saveSteps: 2,
  evalSteps: null,
  evaluationShards: 0,
  shardsOf: () => 4,
  learningRate: (step) => step / 10,
  clipCoefficient: (norm) => Math.min(1, 1 / norm),
  evaluated: () => false,
  gradientSize: 10 * squareSumBlock,
  reducers: () => 0,
};

/** Everything a worker says until it is active. */
const joining = (worker: string, step = 0): Event[] => [
  { type: "joined", worker },
  { type: "ready", worker, reachable: true, replica: undefined },
  { type: "applied", worker, step: stepNumber(step), hash: `h${step}` },
];

/** A machine with workers that have joined and hold the replica of step 0. */
function started(overrides: Partial<MachineSettings> = {}, workers = ["a", "b"]) {
  const machine = new ClusterMachine(
    { ...settings, minWorkers: workers.length, ...overrides },
    { step: stepNumber(0), hash: "h0", saved: false },
  );
  const effects: Effect[] = [];
  let now = 0;
  const send = (...events: (Event | Event[])[]): Effect[] => {
    const some = events.flat().flatMap((event) => machine.handle(event, now));
    effects.push(...some);
    return some;
  };
  for (const worker of workers) send(joining(worker));
  return { machine, send, effects, pass: (ms: number) => (now += ms) };
}

/** Everything a worker says of shards that it has computed and summed. */
const contribution = (worker: string, first: number, count: number, step = 1, loss = 2): Event[] => [
  ...Array.from({ length: count }, (_, index) => computed(worker, first + index, step, loss)),
  announced(worker, first, count, step),
];
const computed = (worker: string, shard: number, step = 1, loss = 2): Event => ({
  type: "computed",
  worker,
  task: "train",
  step: stepNumber(step),
  result: { shard: shardIndex(shard), lossSum: loss, supervisedTokens: 5, seconds: 1 },
});
const announced = (worker: string, first: number, count: number, step = 1): Event => ({
  type: "contribution",
  worker,
  step: stepNumber(step),
  node: { first: shardIndex(first), count },
  checksums: [100 * first],
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
    expect(ofType(effects, "lease")).toMatchObject([{ worker: "a", step: 1, first: 0, count: 4, kind: "first" }]);
    send(contribution("a", 0, 4));
    expect(send(received("a", 0, 4)).map(({ type }) => type)).toEqual(["accept", "reduce"]);
    const [commit] = ofType(send({ type: "reduced", step: stepNumber(1), gradNorm: 4 }), "commit");
    expect(commit).toMatchObject({ step: 1, learningRate: 0.1, loss: 8 / 20, scale: 0.25 / 20, workers: ["a"] });
  });

  it("starts only when min_workers are ready", () => {
    const { send, effects, machine } = started({ minWorkers: 2 }, ["a"]);
    expect(ofType(effects, "lease")).toEqual([]);
    expect(machine.status().waiting).toContain("1 of 2");
    send(joining("b"));
    expect(ofType(effects, "lease").map(({ worker }) => worker)).toEqual(["a", "b"]);
  });
});

describe("a worker that dies in the middle of a step", () => {
  it("loses only its undelivered shards: they are leased again immediately", () => {
    const { send } = started({ shardsOf: () => 8 });
    send(contribution("a", 0, 2));
    send(received("a", 0, 2));
    const after = send({ type: "left", worker: "a", reason: "killed" });
    expect(ofType(after, "lost")).toMatchObject([{ worker: "a", count: 2 }]);
    expect(ofType(after, "lease")).toMatchObject([{ worker: "b", first: 2, count: 2, kind: "again" }]);
  });

  it("stops the step if it was the last one, until a new worker takes over the same step", () => {
    const { send, machine } = started({}, ["a"]);
    send({ type: "left", worker: "a", reason: "killed" });
    expect(machine.status().waiting).toContain("no worker");
    const after = send(joining("c"));
    expect(ofType(after, "lease")).toMatchObject([{ worker: "c", step: 1, first: 0, count: 4 }]);
  });

  it("is detected by its silence", () => {
    const { send, pass, machine } = started();
    pass(8_000);
    send({ type: "heard", worker: "a" });
    pass(8_000);
    const after = send({ type: "tick" });
    expect(ofType(after, "drop")).toMatchObject([{ worker: "b" }]);
    expect(machine.status().workers.active).toBe(1);
  });
});

describe("an unexpected message of a worker", () => {
  it("is ignored: shards it was not leased, another step, sums of shards it has not computed", () => {
    const { send } = started();
    expect(send(contribution("a", 2, 2))).toEqual([]);
    expect(send(contribution("a", 0, 2, 7))).toEqual([]);
    expect(send(announced("a", 0, 2))).toEqual([]);
    expect(send(computed("a", 0), computed("a", 9), announced("a", 0, 2), announced("a", -1, 2))).toEqual([]);
    expect(send(received("a", 0, 2))).toEqual([]);
  });

  it("is not counted twice", () => {
    const { send } = started();
    send(contribution("a", 0, 2));
    expect(ofType(send(received("a", 0, 2)), "accept")).toHaveLength(1);
    expect(send(received("a", 0, 2))).toEqual([]);
    expect(send(contribution("a", 0, 2))).toEqual([]);
  });
});

describe("a replica that differs", () => {
  it("is reported, replaced by the right state, and its work is given to others", () => {
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
    expect(ofType(after, "lease")).toMatchObject([{ worker: "a", first: 2, count: 2, kind: "again" }]);
  });
});

describe("a loss that is NaN", () => {
  it.each([false, true])("stops the run before the step is applied, and keeps the last good state", (float16) => {
    const { send, effects } = started({ float16 }, ["a"]);
    send(contribution("a", 0, 4));
    send(received("a", 0, 4));
    send({ type: "reduced", step: stepNumber(1), gradNorm: 1 });
    send({ type: "committed", step: stepNumber(1), hash: "h1" });
    send({ type: "applied", worker: "a", step: stepNumber(1), hash: "h1" });
    send(contribution("a", 0, 4, 2, Number.NaN));
    send(received("a", 0, 4, 2));
    const after = send({ type: "reduced", step: stepNumber(2), gradNorm: Number.NaN });
    expect(ofType(after, "notFinite")).toEqual([{ type: "notFinite", step: 2 }]);
    expect(ofType(after, "save")).toMatchObject([{ step: 1 }]);
    expect(ofType(effects, "commit")).toHaveLength(1);
    const [finish] = ofType(send({ type: "saved", step: stepNumber(1) }), "finish");
    if (finish?.outcome.kind !== "failed") throw new Error("the run did not fail");
    const { code, message, hint } = finish.outcome.error;
    expect(code).toBe("diverged");
    expect(message).toContain("step 2");
    expect(hint?.includes("use compute.dtype: float32")).toBe(float16);
  });

  it.each([
    { freshAdapter: true, code: "model", blamed: /the base model, not from the learning rate: .*weights/ },
    { freshAdapter: false, code: "diverged", blamed: /Lower training\.learning_rate/ },
  ])("at step 1 is blamed on the model if the adapter is still zero: $freshAdapter", (case_) => {
    const { freshAdapter, code, blamed } = case_;
    const { send } = started({ freshAdapter }, ["a"]);
    send(contribution("a", 0, 4, 1, Number.NaN));
    send(received("a", 0, 4));
    const effects = send({ type: "reduced", step: stepNumber(1), gradNorm: Number.NaN });
    effects.push(...send({ type: "saved", step: stepNumber(0) }));
    const [finish] = ofType(effects, "finish");
    if (finish?.outcome.kind !== "failed") throw new Error("the run did not fail");
    expect(finish.outcome.error.code).toBe(code);
    expect(finish.outcome.error.message).toContain("step 1: the loss is NaN");
    expect(finish.outcome.error.hint).toMatch(blamed);
  });
});

describe("stopping", () => {
  it("finishes the step in flight, saves, then ends", () => {
    const { send } = started({}, ["a"]);
    expect(send({ type: "stop", reason: "interrupted", returning: false })).toEqual([]);
    send(contribution("a", 0, 4));
    send(received("a", 0, 4));
    send({ type: "reduced", step: stepNumber(1), gradNorm: 1 });
    expect(send({ type: "committed", step: stepNumber(1), hash: "h1" })).toMatchObject([{ type: "save", step: 1 }]);
    expect(send({ type: "saved", step: stepNumber(1) })).toMatchObject([
      { type: "finish", outcome: { kind: "stopped", reason: "interrupted", returning: false } },
    ]);
  });

  it("ends immediately when nothing is being computed", () => {
    const { send } = started({ minWorkers: 3 });
    expect(send({ type: "stop", reason: "interrupted", returning: false })).toMatchObject([{ type: "finish" }]);
  });
});

describe("a disk that is full", () => {
  it("does not stop training while later checkpoints may succeed, but fails the run if the last one fails", () => {
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

describe("a worker that is slow", () => {
  it("gets fewer shards, in proportion to its speed", () => {
    const { send, effects } = started({ shardsOf: () => 10, totalSteps: 9 });
    const slow = contribution("b", 5, 5).map((event) =>
      event.type === "computed" ? { ...event, result: { ...event.result, seconds: 4 } } : event,
    );
    send(slow, received("b", 5, 5), contribution("a", 0, 5), received("a", 0, 5));
    send({ type: "reduced", step: stepNumber(1), gradNorm: 1 });
    send({ type: "committed", step: stepNumber(1), hash: "h1" });
    expect(ofType(effects, "lease").slice(-2)).toMatchObject([
      { worker: "a", step: 2, first: 0, count: 8 },
      { worker: "b", step: 2, first: 8, count: 2 },
    ]);
  });

  it("loses the tail of its queue to an idle one", () => {
    const { send, pass } = started({ shardsOf: () => 8 });
    pass(1000);
    const after = send(contribution("a", 0, 4), received("a", 0, 4));
    expect(ofType(after, "revoke")).toMatchObject([{ worker: "b", first: 6, count: 2 }]);
    expect(ofType(after, "lease")).toMatchObject([{ worker: "a", first: 6, count: 2, kind: "stolen" }]);
    // It had begun one of them when the news came: what it has summed counts all the same.
    send(["b", "b", "b"].map((worker, index) => computed(worker, 4 + index)));
    expect(ofType(send(announced("b", 4, 2), received("b", 4, 2)), "accept")).toHaveLength(1);
    expect(ofType(send(announced("b", 6, 1), received("b", 6, 1)), "accept")).toHaveLength(1);
    send(computed("a", 6), computed("a", 7));
    // A bigger node replaces the part of it that is here; it brings shard 7.
    const end = send(announced("a", 6, 2), received("a", 6, 2));
    expect(end.map(({ type }) => type)).toEqual(["receive", "accept", "reduce"]);
  });

  it("has its last shard also computed by another that would be faster", () => {
    const { send, pass } = started({ shardsOf: () => 2 });
    pass(1000);
    expect(ofType(send(contribution("a", 0, 1), received("a", 0, 1)), "lease")).toEqual([]);
    pass(2000);
    expect(ofType(send({ type: "tick" }), "lease")).toMatchObject([
      { worker: "a", first: 1, count: 1, kind: "stolen" },
    ]);
    expect(ofType(send(contribution("a", 1, 1), received("a", 1, 1)), "reduce")).toHaveLength(1);
  });

  it("gets no more shards while it makes no progress at all", () => {
    const { send, pass, effects } = started({ shardsOf: () => 4, minWorkers: 1 });
    send(contribution("a", 0, 1), received("a", 0, 1), computed("b", 2));
    pass(7000);
    send({ type: "heard", worker: "a" }, { type: "heard", worker: "b" }, computed("a", 1));
    const after = send({ type: "tick" });
    expect(ofType(after, "lost")).toMatchObject([{ worker: "b", count: 2, late: true }]);
    expect(ofType(after, "lease").every(({ worker }) => worker === "a")).toBe(true);
    send({ type: "idle", worker: "b" });
    expect(effects.at(-1)?.type).not.toBe("drop");
  });
});

describe("a worker that drains", () => {
  it("keeps the shard it has begun, delivers it, and is dismissed", () => {
    const { send } = started({ shardsOf: () => 8 });
    const after = send({ type: "draining", worker: "b" });
    expect(ofType(after, "revoke")).toMatchObject([{ worker: "b", first: 5, count: 3 }]);
    expect(ofType(after, "lease")).toMatchObject([{ worker: "a", first: 5, count: 3 }]);
    expect(ofType(after, "dismiss")).toEqual([]);
    expect(ofType(send(contribution("b", 4, 1)), "dismiss")).toEqual([]);
    expect(ofType(send(received("b", 4, 1)), "dismiss")).toMatchObject([{ worker: "b" }]);
  });

  it("leaves immediately if it has nothing to do", () => {
    const { send } = started({ minWorkers: 3 });
    expect(ofType(send({ type: "draining", worker: "b" }), "dismiss")).toHaveLength(1);
  });
});

describe("a mesh", () => {
  const mesh = (workers = ["a", "b"]) => started({ shardsOf: () => 4, reducers: (count) => count }, workers);
  const sliced = (worker: string, slice: number): Event => ({
    type: "sliceReduced",
    worker,
    step: stepNumber(1),
    slice,
    checksum: 7,
  });
  /** The sum of shards, announced with the checksums of as many slices. */
  const summed = (slices: number, ...[worker, first, count]: [string, number, number]): Event[] =>
    contribution(worker, first, count).map((event) =>
      event.type === "contribution"
        ? { ...event, checksums: Array.from({ length: slices }, (_, slice) => 100 * first + slice) }
        : event,
    );
  const gathered = (worker: string, slice: number): Event => ({
    type: "gathered",
    worker,
    step: stepNumber(1),
    slice,
  });

  it("gives every worker a slice, has every sum collected for each, gathers, and commits with their locations", () => {
    const { send, effects } = mesh();
    expect(ofType(effects, "reduceSlice").map(({ worker, slice }) => [worker, slice.offset])).toEqual([
      ["a", 0],
      ["b", 5 * squareSumBlock],
    ]);
    expect(
      ofType(send(summed(2, "a", 0, 2)), "collect").map(({ worker, source, checksum }) => [worker, source, checksum]),
    ).toEqual([
      ["a", "a", 0],
      ["b", "a", 1],
    ]);
    send(summed(2, "b", 2, 2));
    expect(ofType(send(sliced("b", 1)), "gather")).toMatchObject([{ worker: "b", slice: { index: 1 } }]);
    expect(send(gathered("b", 1), sliced("a", 0)).map(({ type }) => type)).toEqual(["gather"]);
    expect(ofType(send(gathered("a", 0)), "reduce")).toMatchObject([{ tokens: 20 }]);
    const [commit] = ofType(send({ type: "reduced", step: stepNumber(1), gradNorm: 1 }), "commit");
    expect(commit?.slices.map(({ reducer, checksum }) => [reducer, checksum])).toEqual([
      ["a", 7],
      ["b", 7],
    ]);
  });

  it("moves the slice of a dead reducer with all announced sums, and recomputes what was lost", () => {
    const { send } = mesh(["a", "b", "c"]);
    send(summed(3, "a", 0, 2), summed(3, "b", 2, 1));
    const after = send({ type: "left", worker: "b", reason: "killed" });
    expect(ofType(after, "reduceSlice")).toHaveLength(1);
    expect(ofType(after, "collect").map(({ source }) => source)).toEqual(["a"]);
    expect(ofType(after, "lease")).toMatchObject([{ first: 2, count: 1, kind: "again" }]);
  });

  it("leases what a silent worker had to reducers that waited for its sums", () => {
    const { send, pass } = mesh(["a", "b", "c"]);
    send(summed(3, "a", 0, 2), summed(3, "b", 2, 1), summed(3, "c", 3, 1));
    // The machine of a is gone: nobody can pull from it, and no reducer gets on.
    const effects: Effect[] = [];
    for (let second = 0; second < 12; second++) {
      pass(1_000);
      effects.push(...send({ type: "heard", worker: "b" }, { type: "heard", worker: "c" }, { type: "tick" }));
    }
    expect(ofType(effects, "meshFailed")).toHaveLength(1);
    expect(ofType(effects, "drop")).toMatchObject([{ worker: "a" }]);
    expect(ofType(effects, "lease").flatMap(({ first, count }) => (count === 2 ? [0, 1] : [first]))).toEqual([0, 1]);
  });

  it("falls back to a star when the workers cannot reach one another", () => {
    const { send } = mesh();
    send(summed(2, "a", 0, 2));
    const failed: Event = {
      type: "collectFailed",
      worker: "b",
      step: stepNumber(1),
      slice: 1,
      node: { first: shardIndex(0), count: 2 },
      source: "a",
    };
    expect(ofType(send(failed), "collect")).toHaveLength(1);
    const after = send(failed, failed);
    expect(ofType(after, "meshFailed")).toHaveLength(1);
    expect(ofType(after, "receive")).toMatchObject([{ worker: "a" }]);
    expect(ofType(send(summed(2, "b", 2, 2)), "receive")).toHaveLength(1);
  });

  it("announces a checksum per slice: another number of them is no announcement", () => {
    const { send, effects } = mesh();
    expect(ofType(effects, "lease").map(({ slices }) => slices)).toEqual(["a", "b"].map(() => [0, 5 * squareSumBlock]));
    expect(ofType(send(summed(1, "a", 0, 2)), "collect")).toEqual([]);
    expect(ofType(send(summed(3, "a", 0, 2)), "collect")).toEqual([]);
    expect(ofType(send(summed(2, "a", 0, 2)), "collect")).toHaveLength(2);
  });

  it("is not used with unreachable workers", () => {
    const { send, effects } = started({ reducers: (count) => count, minWorkers: 2 }, []);
    for (const worker of ["a", "b"])
      send(joining(worker).map((event) => (event.type === "ready" ? { ...event, reachable: worker === "a" } : event)));
    expect(ofType(effects, "lease")).toHaveLength(2);
    expect(ofType(effects, "reduceSlice")).toEqual([]);
  });
});

describe("a coordinator that was killed", () => {
  const recovering = (survivors: number) => started({ recovery: { survivors, timeout: 10_000 }, minWorkers: 1 }, []);
  const offering = (worker: string, step: number, hash = `h${step}`): Event[] => [
    { type: "joined", worker },
    { type: "ready", worker, reachable: true, replica: { step: stepNumber(step), hash } },
  ];

  it("takes the newest replica when all workers are back; those that hold it continue immediately", () => {
    const { send, machine } = recovering(2);
    expect(send(offering("a", 1))).toEqual([]);
    expect(machine.status().waiting).toContain("later state than step 0");
    expect(send(offering("b", 2))).toMatchObject([{ type: "adopt", worker: "b", replica: { step: 2, hash: "h2" } }]);
    const after = send({ type: "adopted", worker: "b", replica: { step: stepNumber(2), hash: "h2" } });
    expect(ofType(after, "recovered")).toMatchObject([{ step: 2, from: "b" }]);
    expect(ofType(after, "synchronise")).toMatchObject([{ worker: "a", step: 2 }]);
    expect(ofType(after, "lease")).toMatchObject([{ worker: "b", step: 3, first: 0, count: 4 }]);
  });

  it("trusts the majority if states of one step differ, and none if there is no majority", () => {
    const majority = recovering(3);
    majority.send(offering("a", 2, "x"), offering("b", 2));
    expect(ofType(majority.send(offering("c", 2)), "adopt")).toMatchObject([{ replica: { hash: "h2" } }]);
    const tie = recovering(2);
    expect(ofType(tie.send(offering("a", 2, "x"), offering("b", 2)), "recovered")).toMatchObject([{ step: 0 }]);
  });

  it("requests the replica from another worker if the first one is gone", () => {
    const { send } = recovering(2);
    send(offering("a", 2));
    expect(ofType(send(offering("b", 2)), "adopt")).toMatchObject([{ worker: "a" }]);
    send({ type: "survivors", count: 1 });
    const after = send({ type: "left", worker: "a", reason: "killed" });
    expect(ofType(after, "adopt")).toMatchObject([{ worker: "b", replica: { step: 2 } }]);
  });

  it("continues from its checkpoint if no worker returns, or no offered replica can be fetched", () => {
    const { send, pass } = recovering(2);
    send(offering("a", 2));
    pass(10_001);
    send({ type: "heard", worker: "a" });
    const after = send({ type: "adoptFailed", worker: "a" });
    expect(ofType(after, "recovered")).toMatchObject([{ step: 0, from: undefined }]);
    expect(ofType(after, "synchronise")).toMatchObject([{ worker: "a", step: 0 }]);
  });
});
