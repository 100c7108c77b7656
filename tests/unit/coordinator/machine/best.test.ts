import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ClusterMachine } from "../../../../src/coordinator/machine/index.js";
import type { Effect, Event, MachineSettings } from "../../../../src/coordinator/machine/index.js";
import { BestSoFar, notEvaluated, withEvaluation } from "../../../../src/coordinator/machine/best.js";
import type { BestRule } from "../../../../src/coordinator/machine/best.js";
import { CoxswainError } from "../../../../src/errors.js";
import { shardIndex, stepNumber } from "../../../../src/ids.js";

interface Case {
  readonly metric: BestRule["metric"];
  readonly patience: number;
  readonly threshold: number;
  readonly values: readonly (number | null)[];
  readonly after: readonly {
    readonly best_metric: number | null;
    readonly best_global_step: number | null;
    readonly counter: number;
    readonly stop: boolean;
  }[];
}

const golden = JSON.parse(readFileSync(new URL("../../../golden/optim/best.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
};

const rule: BestRule = { metric: "eval_loss", patience: 2, threshold: 0, load: true };

describe("the best evaluation and the patience counter", () => {
  it.each(golden.cases)("are transformers' for $metric, patience $patience, threshold $threshold", (each) => {
    const { values, after, ...settings } = each;
    let state = notEvaluated;
    for (const [index, value] of values.entries()) {
      const own: BestRule = { ...settings, load: false };
      const step = 10 * (index + 1);
      state = withEvaluation(state, own, { step, value: value ?? Number.NaN });
      const found = new BestSoFar({ rule: own, before: state, recorded: [] }, stepNumber(step));
      expect({
        best_metric: state.best?.value ?? null,
        best_global_step: state.best?.step ?? null,
        counter: state.patienceCounter,
        stop: found.patienceIsLost,
      }).toEqual({ ...after[index], best_global_step: after[index]?.best_global_step ?? null });
    }
  });

  it("continue from a checkpoint with the later evaluations on record, up to the step that the run resumes from", () => {
    const recorded = [2, 4, 6, 8].map((step) => ({ step, value: 10 - step }));
    const before = { evaluatedStep: 4, best: { step: 2, value: 1 }, patienceCounter: 1 };
    const resumed = new BestSoFar({ rule, before, recorded }, stepNumber(4));
    expect(resumed.state).toEqual(before);
    resumed.resume(stepNumber(7));
    expect(resumed.state).toEqual({ evaluatedStep: 6, best: { step: 2, value: 1 }, patienceCounter: 2 });
    expect(resumed.patienceIsLost).toBe(true);
  });
});

const settings: MachineSettings = {
  totalSteps: 20,
  minWorkers: 1,
  silenceTimeout: 10_000,
  float16: false,
  saveSteps: 3,
  evalSteps: 1,
  evaluationShards: 1,
  shardsOf: () => 1,
  learningRate: () => 0.1,
  clipCoefficient: () => 1,
  evaluated: () => false,
  best: { rule, before: notEvaluated, recorded: [] },
  gradientSize: 8,
  reducers: () => 0,
};

/** A run with one worker that computes whatever is leased to it. */
function running({ uncompared = false, ...overrides }: Partial<MachineSettings> & { uncompared?: boolean } = {}) {
  const { best, ...common } = settings;
  const whole = { ...common, ...(uncompared || best === undefined ? {} : { best }), ...overrides };
  const machine = new ClusterMachine(whole, { step: stepNumber(0), hash: "h0", saved: false });
  const effects: Effect[] = [];
  const send = (event: Event): Effect[] => {
    const some = machine.handle(event, 0);
    effects.push(...some);
    return some;
  };
  const worker = "a";
  send({ type: "joined", worker });
  send({ type: "ready", worker, reachable: true, replica: undefined });
  send({ type: "applied", worker, step: stepNumber(0), hash: "h0" });
  const result = (lossSum: number) => ({ shard: shardIndex(0), lossSum, supervisedTokens: 1, seconds: 1 });
  const node = { first: shardIndex(0), count: 1 };
  return {
    machine,
    send,
    effects,
    /** Computes the step in flight. */
    train: (number: number): Effect[] => {
      const step = stepNumber(number);
      send({ type: "computed", worker, task: "train", step, result: result(1) });
      send({ type: "contribution", worker, step, node, checksums: [1] });
      send({ type: "received", worker, step, node });
      send({ type: "reduced", step, gradNorm: 1 });
      return [
        ...send({ type: "committed", step, hash: `h${number}` }),
        ...send({ type: "applied", worker, step, hash: `h${number}` }),
      ];
    },
    evaluate: (number: number, loss: number): Effect[] =>
      send({ type: "computed", worker, task: "evaluate", step: stepNumber(number), result: result(loss) }),
    saved: (number: number): Effect[] => send({ type: "saved", step: stepNumber(number) }),
  };
}

const typesOf = (effects: readonly Effect[]): string[] => effects.map(({ type }) => type);
const full = new CoxswainError("storage", "no space left");

describe("a run that compares evaluations", () => {
  it("saves the best state after its evaluation, and begins no step before it is on disk", () => {
    const { train, evaluate, saved } = running();
    expect(typesOf(train(1))).not.toContain("save");
    const after = evaluate(1, 5);
    expect(after).toMatchObject([
      { type: "evaluated", step: 1, best: { best: { step: 1, value: 5 } } },
      { type: "save", step: 1, best: { evaluatedStep: 1, best: { step: 1, value: 5 }, patienceCounter: 0 } },
    ]);
    expect(saved(1)).toMatchObject([{ type: "lease", task: "train", step: 2 }]);
  });

  it("saves other states only every save_steps, with the evaluation, and does not wait for them", () => {
    const { train, evaluate, saved } = running({
      best: { rule: { ...rule, patience: 9 }, before: notEvaluated, recorded: [] },
    });
    train(1);
    evaluate(1, 5);
    saved(1);
    train(2);
    expect(typesOf(evaluate(2, 6))).toEqual(["evaluated", "lease"]);
    expect(typesOf(train(3))).not.toContain("save");
    expect(evaluate(3, 6)).toMatchObject([
      { type: "evaluated" },
      { type: "save", step: 3, best: { best: { step: 1 }, patienceCounter: 2 } },
      { type: "lease", step: 4 },
    ]);
  });

  it("is complete when the metric has not improved for too long, with the newest state on disk", () => {
    const { machine, train, evaluate, saved } = running();
    for (const [step, loss] of [
      [1, 5],
      [2, 6],
    ] as const) {
      train(step);
      evaluate(step, loss);
      saved(step);
    }
    train(3);
    expect(typesOf(evaluate(3, 5.5))).toEqual(["evaluated", "patienceLost", "save"]);
    expect(saved(3)).toEqual([{ type: "finish", outcome: { kind: "completed" } }]);
    expect(machine.status().best).toEqual({ evaluatedStep: 3, best: { step: 1, value: 5 }, patienceCounter: 2 });
  });

  it("fails when the state that the adapter would be made from cannot be written, and only then", () => {
    const needed = running();
    needed.train(1);
    needed.evaluate(1, 5);
    const failed = needed.send({ type: "saveFailed", step: stepNumber(1), error: full });
    expect(failed).toEqual([
      { type: "saveFailed", step: 1, error: full },
      { type: "finish", outcome: { kind: "failed", error: full } },
    ]);
    const kept = running({ best: { rule: { ...rule, load: false }, before: notEvaluated, recorded: [] } });
    kept.train(1);
    kept.evaluate(1, 5);
    const goesOn = kept.send({ type: "saveFailed", step: stepNumber(1), error: full });
    expect(typesOf(goesOn)).toEqual(["saveFailed", "lease"]);
  });

  it("resumes only from a worker's state whose earlier evaluations are all on record", () => {
    const recovered = (onRecord: readonly number[]): Effect[] => {
      const machine = new ClusterMachine(
        {
          ...settings,
          evalSteps: 2,
          evaluated: (step) => onRecord.includes(step),
          best: { rule, before: notEvaluated, recorded: onRecord.map((step) => ({ step, value: 9 - step })) },
          recovery: { survivors: 1, timeout: 1_000 },
        },
        { step: stepNumber(1), hash: "h1", saved: true },
      );
      machine.handle({ type: "joined", worker: "a" }, 0);
      const replica = { step: stepNumber(5), hash: "h5" };
      const decided = machine.handle({ type: "ready", worker: "a", reachable: true, replica }, 0);
      if (decided.every(({ type }) => type !== "adopt")) return decided;
      return machine.handle({ type: "adopted", worker: "a", replica }, 0);
    };
    expect(recovered([2])).toContainEqual({ type: "recovered", step: 1, from: undefined });
    expect(recovered([2, 4])).toContainEqual({ type: "recovered", step: 5, from: "a" });
  });

  it("that resumes from the best state itself saves it again, since nothing says that it is on disk", () => {
    const machine = new ClusterMachine(
      {
        ...settings,
        evaluated: (step) => step <= 2,
        best: {
          rule,
          before: notEvaluated,
          recorded: [
            { step: 1, value: 3 },
            { step: 2, value: 2 },
          ],
        },
        recovery: { survivors: 1, timeout: 1_000 },
      },
      { step: stepNumber(1), hash: "h1", saved: true },
    );
    machine.handle({ type: "joined", worker: "a" }, 0);
    const replica = { step: stepNumber(2), hash: "h2" };
    machine.handle({ type: "ready", worker: "a", reachable: true, replica }, 0);
    const after = machine.handle({ type: "adopted", worker: "a", replica }, 0);
    expect(after.filter(({ type }) => type === "save")).toMatchObject([{ step: 2, best: { best: { step: 2 } } }]);
  });
});

describe("an evaluation that also generates answers", () => {
  const answers = [Int32Array.of(1, 2)];
  const exact: BestRule = { metric: "exact_match", patience: null, threshold: 0, load: true };
  const generated = (step: number, worker = "a"): Event => ({
    type: "computed",
    worker,
    task: "generate",
    step: stepNumber(step),
    result: { shard: shardIndex(0), lossSum: 0, supervisedTokens: 0, seconds: 1, generated: answers },
  });
  const run = () =>
    running({ evalSteps: 2, generationShards: 1, best: { rule: exact, before: notEvaluated, recorded: [] } });

  it("computes the loss, then the answers, and is complete when these are compared", () => {
    const { train, evaluate, send, saved } = run();
    train(1);
    train(2);
    expect(evaluate(2, 5)).toMatchObject([{ type: "lease", task: "generate", step: 2, first: 0, count: 1 }]);
    expect(send(generated(2))).toEqual([{ type: "score", step: 2, generated: [answers] }]);
    // Nothing begins meanwhile.
    expect(send({ type: "tick" })).toEqual([]);
    expect(send({ type: "scored", step: stepNumber(2), exactMatch: 0.25 })).toMatchObject([
      { type: "evaluated", step: 2, loss: 5, exactMatch: 0.25, best: { best: { step: 2, value: 0.25 } } },
      { type: "save", step: 2 },
    ]);
    expect(saved(2)).toMatchObject([{ type: "lease", task: "train", step: 3 }]);
  });

  it("leases the answers of a worker that dies to another one", () => {
    const { train, evaluate, send } = run();
    train(1);
    train(2);
    evaluate(2, 5);
    send({ type: "left", worker: "a", reason: "killed" });
    const worker = "b";
    send({ type: "joined", worker });
    send({ type: "ready", worker, reachable: true, replica: undefined });
    const after = send({ type: "applied", worker, step: stepNumber(2), hash: "h2" });
    expect(after).toMatchObject([{ type: "lease", worker, task: "generate", step: 2, kind: "again" }]);
    expect(typesOf(send(generated(2)))).toEqual([]);
    expect(typesOf(send(generated(2, worker)))).toEqual(["score"]);
  });

  it("is abandoned by a stop: what was compared too late counts for nothing", () => {
    const { train, evaluate, send, saved } = run();
    train(1);
    train(2);
    evaluate(2, 5);
    send(generated(2));
    expect(send({ type: "stop", reason: "stopped", returning: false })).toMatchObject([{ type: "save", step: 2 }]);
    expect(send({ type: "scored", step: stepNumber(2), exactMatch: 1 })).toEqual([]);
    expect(saved(2)).toMatchObject([{ type: "finish", outcome: { kind: "stopped" } }]);
  });

  it("needs no evaluation set: then there is no loss", () => {
    const { train, send } = running({ evalSteps: 1, evaluationShards: 0, generationShards: 1, uncompared: true });
    expect(train(1)).toContainEqual(expect.objectContaining({ type: "lease", task: "generate", step: 1 }));
    send(generated(1));
    const [evaluated] = send({ type: "scored", step: stepNumber(1), exactMatch: undefined });
    expect(evaluated).toEqual({ type: "evaluated", step: 1, loss: undefined });
  });

  it("keeps the speed of generating apart from that of computing", () => {
    const { machine, train, evaluate, send } = run();
    train(1);
    train(2);
    evaluate(2, 5);
    send({ ...generated(2), result: { ...generatedResult, seconds: 100 } } as Event);
    expect(machine.status().speeds.get("a")).toBe(1);
    send({ type: "scored", step: stepNumber(2), exactMatch: 0 });
    expect(machine.status().speeds.get("a")).toBe(1);
  });

  const generatedResult = { shard: shardIndex(0), lossSum: 0, supervisedTokens: 0, generated: answers };
});
