/** A run that is paused, resumed, saved and stopped by people: scenarios of the state machine. */
import { describe, expect, it } from "vitest";
import { ClusterMachine } from "../../../../src/coordinator/machine/index.js";
import type { Effect, Event, MachineSettings } from "../../../../src/coordinator/machine/index.js";
import { CoxswainError } from "../../../../src/errors.js";
import { shardIndex, stepNumber } from "../../../../src/ids.js";

const settings: MachineSettings = {
  totalSteps: 3,
  minWorkers: 2,
  silenceTimeout: 10_000,
  saveSteps: 100,
  evalSteps: null,
  evaluationShards: 0,
  shardsOf: () => 2,
  learningRate: () => 0.1,
  clipCoefficient: () => 1,
  evaluated: () => false,
  float16: false,
  gradientSize: 16,
  reducers: () => 0,
};

const pause: Event = { type: "pause", by: "ann@laptop" };
const resume: Event = { type: "resume", by: "bob@desk" };
const checkpoint: Event = { type: "checkpoint" };

/** Workers a and b, each with one of the two shards of step 1. */
function started(overrides: Partial<MachineSettings> = {}) {
  const machine = new ClusterMachine({ ...settings, ...overrides }, { step: stepNumber(0), hash: "h0", saved: false });
  let now = 0;
  const send = (...events: Event[]): Effect[] => events.flatMap((event) => machine.handle(event, now));
  const join = (worker: string, step: number): Effect[] =>
    send(
      { type: "joined", worker },
      { type: "ready", worker, reachable: true, replica: undefined },
      { type: "applied", worker, step: stepNumber(step), hash: `h${step}` },
    );
  /** All that happens in a step, until every worker has it. */
  const finishStep = (number: number): Effect[] => {
    const step = stepNumber(number);
    const shards = ["a", "b"].flatMap((worker, index): Event[] => {
      const shard = shardIndex(index);
      const node = { first: shard, count: 1 };
      return [
        {
          type: "computed",
          worker,
          task: "train",
          step,
          result: { shard, lossSum: 2, supervisedTokens: 1, seconds: 1 },
        },
        { type: "contribution", worker, step, node, checksums: [1] },
        { type: "received", worker, step, node },
      ];
    });
    const hash = `h${number}`;
    const applied = ["a", "b"].map((worker): Event => ({ type: "applied", worker, step, hash }));
    return send(...shards, { type: "reduced", step, gradNorm: 1 }, { type: "committed", step, hash }, ...applied);
  };
  join("a", 0);
  join("b", 0);
  return { machine, send, join, finishStep, pass: (ms: number) => (now += ms) };
}

const typesOf = (effects: readonly Effect[]): string[] => effects.map(({ type }) => type);
const ofType = <T extends Effect["type"]>(effects: Effect[], type: T): Extract<Effect, { type: T }>[] =>
  effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type);

describe("a pause", () => {
  it("takes effect after the commit of the step in flight; the first request is recorded", () => {
    const { machine, send, finishStep } = started();
    expect(send(pause, { type: "pause", by: "another" })).toEqual([]);
    expect(machine.status().phase).toBe("pausing");
    const after = finishStep(1);
    expect(ofType(after, "commit")).toMatchObject([{ step: 1 }]);
    // What is told of the step comes first.
    expect(after.slice(-2)).toEqual([
      { type: "replicated", step: 1 },
      { type: "paused", step: 1, by: "ann@laptop" },
    ]);
    expect(ofType(after, "lease")).toEqual([]);
    expect(send({ type: "tick" }, pause)).toEqual([]);
    expect(machine.status()).toMatchObject({
      phase: "paused",
      committed: 1,
      waiting: "paused after step 1 by ann@laptop",
    });
  });

  it("ends with a resume, which continues where it was; a second one changes nothing", () => {
    const { machine, send, finishStep } = started();
    send(pause);
    finishStep(1);
    const after = send(resume);
    expect(after[0]).toEqual({ type: "resumed", step: 1, by: "bob@desk" });
    expect(ofType(after, "lease")).toMatchObject([
      { worker: "a", step: 2 },
      { worker: "b", step: 2 },
    ]);
    expect(send(resume)).toEqual([]);
    expect(machine.status().phase).toBe("training");
  });

  it("that is cancelled before the step ends has no effect", () => {
    const { send, finishStep } = started();
    expect(send(pause, resume)).toEqual([]);
    expect(ofType(finishStep(1), "lease")).toMatchObject([{ step: 2 }, { step: 2 }]);
  });

  it("takes effect immediately if nothing is in flight; an evaluation in flight is finished", () => {
    const waiting = started({ minWorkers: 3 });
    expect(waiting.send(pause)).toMatchObject([{ type: "paused", step: 0 }]);
    const { send, finishStep } = started({ evalSteps: 1, evaluationShards: 1 });
    expect(ofType(finishStep(1), "lease")).toMatchObject([{ task: "evaluate", worker: "a" }]);
    expect(send(pause)).toEqual([]);
    const result = { shard: shardIndex(0), lossSum: 2, supervisedTokens: 1, seconds: 1 };
    const after = send({ type: "computed", worker: "a", task: "evaluate", step: stepNumber(1), result });
    expect(typesOf(after)).toEqual(["evaluated", "paused"]);
  });

  it("removes no worker: only silent ones are considered dead, and idle ones are not late", () => {
    const { machine, send, finishStep, join, pass } = started();
    send(pause);
    finishStep(1);
    for (let seconds = 0; seconds < 600; seconds += 5) {
      pass(5_000);
      expect(send({ type: "heard", worker: "a" }, { type: "heard", worker: "b" }, { type: "tick" })).toEqual([]);
    }
    expect(join("c", 1)).toMatchObject([{ type: "synchronise", worker: "c", step: 1 }]);
    const after = send(resume, { type: "tick" });
    expect(ofType(after, "lease").map(({ worker }) => worker)).toEqual(["a", "b"]);
    expect(machine.workers().map(({ id, late }) => [id, late])).toEqual([
      ["a", false],
      ["b", false],
      ["c", false],
    ]);
    send(pause);
    pass(10_001);
    expect(
      ofType(send({ type: "heard", worker: "a" }, { type: "heard", worker: "c" }, { type: "tick" }), "drop"),
    ).toMatchObject([{ worker: "b" }]);
  });

  it("does not prevent a run from being stopped, or from ending", () => {
    const { machine, send, finishStep } = started();
    send(pause);
    finishStep(1);
    expect(send({ type: "stop", reason: "asked to", returning: false })).toMatchObject([{ type: "save", step: 1 }]);
    expect(machine.status()).toMatchObject({ phase: "stopping", stopping: "asked to" });
    expect(send({ type: "saved", step: stepNumber(1) })).toMatchObject([
      { type: "finish", outcome: { kind: "stopped", reason: "asked to", returning: false } },
    ]);
    expect(machine.status()).toMatchObject({ phase: "ended", outcome: { kind: "stopped" } });
    const last = started({ totalSteps: 1 });
    last.send(pause);
    expect(typesOf(last.finishStep(1)).slice(-3)).toEqual(["commit", "save", "replicated"]);
    expect(last.send({ type: "saved", step: stepNumber(1) })).toMatchObject([{ type: "finish" }]);
  });
});

describe("a requested checkpoint", () => {
  it("saves the step in flight, once for all concurrent callers, and training continues", () => {
    const { send, finishStep } = started();
    expect(send(checkpoint, checkpoint)).toEqual([]);
    const after = finishStep(1);
    expect(typesOf(after).slice(-5)).toEqual(["save", "checkpoint", "lease", "lease", "replicated"]);
    expect(ofType(after, "checkpoint")).toEqual([{ type: "checkpoint", step: 1 }]);
    // The file is not whole yet, and step 2 is in flight: this one is of step 2.
    expect(send(checkpoint)).toEqual([]);
    send({ type: "saved", step: stepNumber(1) });
    expect(ofType(finishStep(2), "checkpoint")).toEqual([{ type: "checkpoint", step: 2 }]);
  });

  it("is written immediately if the run is paused, and not again if it exists", () => {
    const { send, finishStep } = started();
    send(pause);
    finishStep(1);
    expect(typesOf(send(checkpoint))).toEqual(["save", "checkpoint"]);
    expect(send(checkpoint)).toEqual([{ type: "checkpoint", step: 1 }]);
    send({ type: "saved", step: stepNumber(1) });
    expect(send(checkpoint)).toEqual([{ type: "checkpoint", step: 1 }]);
  });

  it("is retried after the disk was full", () => {
    const { send, finishStep } = started();
    send(pause);
    finishStep(1);
    send(checkpoint);
    send({ type: "saveFailed", step: stepNumber(1), error: new CoxswainError("storage", "no space left") });
    expect(typesOf(send(checkpoint))).toEqual(["save", "checkpoint"]);
  });

  it("does not wait for a step that is not being computed", () => {
    const { send } = started();
    send({ type: "left", worker: "a", reason: "killed" }, { type: "left", worker: "b", reason: "killed" });
    expect(send(checkpoint)).toMatchObject([
      { type: "save", step: 0 },
      { type: "checkpoint", step: 0 },
    ]);
  });

  it("is reported to callers when the run is stopped in the same step", () => {
    const { send, finishStep } = started();
    send(checkpoint, { type: "stop", reason: "asked to", returning: false });
    expect(typesOf(finishStep(1)).slice(-3)).toEqual(["save", "checkpoint", "replicated"]);
    expect(send({ type: "saved", step: stepNumber(1) })).toMatchObject([{ type: "finish" }]);
  });
});
