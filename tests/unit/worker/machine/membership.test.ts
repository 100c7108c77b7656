/** What a worker decides, scenario by scenario: messages and completions in, effects out, in no time at all. */
import { describe, expect, it } from "vitest";
import { CoxswainError } from "../../../../src/errors.js";
import type { WorkerMessage } from "../../../../src/rpc/index.js";
import { CallFailed } from "../../../../src/worker/call-failed.js";
import { MembershipMachine } from "../../../../src/worker/machine/index.js";
import type { Effect, Event } from "../../../../src/worker/machine/index.js";
import { commit, digest, evaluation, failure, lease, loaded, revoke, welcome } from "./messages.js";

const loss = { lossSum: 2, supervisedTokens: 3, seconds: 0.5 };
const computed = { type: "computed", ...loss } as const;
const gathered = { type: "gathered" } as const;
const synchronise = { type: "synchronise" } as const;
const held = (step: number) => ({ step, stateHash: `hash ${step}` });
const synchronised = (step: number): Event => ({ type: "synchronised", held: held(step) });
const applied = (step: number): Event => ({ type: "applied", held: held(step) });
const callFailed = (connectionLost = false): Event => ({ type: "callFailed", failure: failure(connectionLost) });
const finish = { type: "finish", finish: { reason: "complete", completed: true, returning: false } } as const;
const lost: Event = { type: "streamEnded", end: { kind: "lost", reason: "reset" } };

/** An effect in short: its type and what tells it from others. */
function short(effect: Effect): string {
  if (effect.type === "send") return `tell ${said(effect.message)}`;
  if (effect.type === "compute") return `compute ${effect.shard}`;
  if ("node" in effect) return `${effect.type} ${effect.node.first}+${effect.node.count}`;
  if ("commit" in effect) return `${effect.type} ${effect.commit.step}`;
  return effect.type === "end" ? `end ${effect.end.kind}` : effect.type;
}

function said({ computed: shard, applied: state, ...rest }: WorkerMessage): string {
  if (shard) return `computed ${shard.shard}`;
  if (state) return `applied ${String(state.step)}`;
  const reason = (rest.resynchronise ?? rest.draining ?? rest.leaving)?.reason;
  return [Object.keys(rest)[0], reason].filter((part) => part !== undefined).join(" ");
}

class Worker {
  readonly machine = new MembershipMachine();
  now = 0;
  /** What was wanted for the last event. */
  last: Effect[] = [];

  after(...events: Event[]): string[] {
    const effects = events.map((event) => this.machine.handle(event, this.now));
    this.last = effects.at(-1) ?? [];
    return this.last.map(short);
  }
}

/** A worker that holds the state of this step. */
function workerAt(step: number): Worker {
  const worker = new Worker();
  worker.after(welcome, loaded({ runDigest: digest, ...held(step) }));
  return worker;
}

describe("a worker that was welcomed", () => {
  it("loads the model, then sends Ready, with its replica of this run", () => {
    const worker = new Worker();
    expect(worker.after(welcome)).toEqual(["load"]);
    expect(worker.after(loaded({ runDigest: digest, ...held(4) }))).toEqual(["tell ready"]);
    expect(worker.last[0]).toMatchObject({ message: { ready: { engine: "ENGINE_ONNX", replica: held(4) } } });
    expect(worker.machine.holdsReplica).toBe(true);
  });

  it("offers and serves no replica of another run", () => {
    const worker = new Worker();
    worker.after(welcome, loaded({ runDigest: "another", ...held(4) }));
    expect(worker.last[0]).toMatchObject({ message: { ready: { replica: null } } });
    expect(worker.machine.holdsReplica).toBe(false);
    expect(worker.after({ type: "sendReplica" })).toEqual([]);
  });

  it("defers all messages until its model is open, then handles them in order", () => {
    const worker = new Worker();
    expect(worker.after(welcome, synchronise, lease({ step: 1, shards: 1 }))).toEqual([]);
    expect(worker.after(loaded())).toEqual(["tell ready", "pullReplica"]);
    expect(worker.after(synchronised(0))).toEqual(["tell applied 0", "compute 0"]);
  });

  it.each<[string, Event[]]>([
    ["work before the welcome", [synchronise]],
    ["a lease before the welcome", [lease({ step: 1, shards: 1 })]],
    ["two welcomes", [welcome, loaded(), welcome]],
  ])("ends with an error for %s, and reports it to the coordinator", (_, events) => {
    const worker = new Worker();
    expect(worker.after(...events)).toEqual(["tell failed", "end failed"]);
    expect(worker.last[1]).toMatchObject({ end: { error: { code: "network" } } });
    expect(worker.after(welcome)).toEqual([]);
  });
});

describe("messages", () => {
  it("are handled strictly in the order of the stream", () => {
    const worker = workerAt(0);
    expect(worker.after(lease({ step: 1, shards: 2 }))).toEqual(["compute 0"]);
    // The commit makes the rest of the lease useless, but neither it nor the replica overtakes the shard under way.
    expect(worker.after(commit(1))).toEqual([]);
    expect(worker.after(synchronise, { type: "sendReplica" }, evaluation({ step: 1, shards: 1 }))).toEqual([]);
    expect(worker.after(computed)).toEqual(["tell computed 0", "closeLease", "gather 1"]);
    expect(worker.after(gathered)).toEqual(["apply 1"]);
    expect(worker.after(applied(1))).toEqual(["tell applied 1", "pullReplica"]);
    expect(worker.after(synchronised(1))).toEqual(["tell applied 1", "pushReplica"]);
    expect(worker.after({ type: "replicaPushed" })).toEqual(["compute 0"]);
    expect(worker.after(computed)).toEqual(["tell computed 0", "closeLease"]);
  });

  it("about slices are handled immediately, whatever is in progress, once the model is open", () => {
    const reduce = { type: "reduce", reduce: { step: 1, slice: 0, offset: 0, length: 4, roundShards: 2 } } as const;
    const collect = { type: "collect" as const, collect: { step: 1, slice: 0, parts: [] } };
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 2 }));
    expect(worker.after(reduce)).toEqual(["reduce"]);
    expect(worker.after(collect)).toEqual(["collect"]);
    expect(new Worker().after(welcome, reduce)).toEqual([]);
  });
});

describe("a lease", () => {
  it("is computed shard by shard, and its sums are delivered in as few nodes as possible", () => {
    const worker = workerAt(0);
    expect(worker.after(lease({ step: 1, first: 1, shards: 3, roundShards: 8 }))).toEqual(["compute 1"]);
    expect(worker.after(computed)).toEqual(["tell computed 1", "serve 1+1", "compute 2"]);
    expect(worker.last[0]).toMatchObject({ message: { computed: { task: "TASK_TRAIN", step: 1, shard: 1, ...loss } } });
    expect(worker.after(computed)).toEqual(["tell computed 2", "compute 3"]);
    expect(worker.after(computed)).toEqual(["tell computed 3", "serve 2+2", "closeLease"]);
  });

  it("delivers sums early if the rest of their node takes long", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 4 }));
    worker.now = 1_000;
    expect(worker.after(computed)).toEqual(["tell computed 0", "serve 0+1", "compute 1"]);
    worker.after(computed);
    expect(worker.after(computed)).toEqual(["tell computed 2", "compute 3"]);
  });

  it("has its sums pushed if the coordinator cannot pull them", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 1, push: true }));
    expect(worker.after(computed).slice(1)).toEqual(["serve 0+1", "pushContribution 0+1", "closeLease"]);
  });

  it.each([
    ["an earlier", 1],
    ["a later", 3],
  ])("of %s step than the replica's next is skipped", (_, step) => {
    expect(workerAt(1).after(lease({ step, shards: 2 }))).toEqual(["closeLease"]);
  });

  it("is skipped while the worker holds no state of the run", () => {
    const worker = new Worker();
    expect(worker.after(welcome, loaded(), lease({ step: 1, shards: 1 }))).toEqual(["closeLease"]);
  });

  it("of a step that has become final is abandoned before the next shard", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 4 }), commit(1));
    expect(worker.after(computed).filter((effect) => effect.startsWith("compute"))).toEqual([]);
  });

  it("of an evaluation is computed although its step is final, until the next step is", () => {
    const worker = workerAt(1);
    expect(worker.after(commit(1), evaluation({ step: 1, shards: 3 }))).toEqual(["compute 0"]);
    expect(worker.after(computed)).toEqual(["tell computed 0", "compute 1"]);
    expect(worker.after(commit(2), computed)).toEqual(["tell computed 1", "closeLease", "gather 2"]);
  });

  it("loses the shards that are revoked before they are begun, and delivers the sums that waited for them", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 4 }), computed, computed);
    expect(worker.after(revoke({ step: 1, first: 3, count: 1 }))).toEqual([]);
    expect(worker.after(computed)).toEqual(["tell computed 2", "serve 0+2", "serve 2+1", "closeLease", "tell idle"]);
  });

  it("is revoked immediately, whatever number of shards the revocation names", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 4 }));
    worker.after(revoke({ step: 1, first: 1, count: 2 ** 32 - 1 }));
    expect(worker.after(computed)).toContain("closeLease");
  });

  it("that is queued loses revoked shards too", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 1, roundShards: 4 }), lease({ step: 1, first: 2, shards: 2 }));
    worker.after(revoke({ step: 1, first: 2, count: 1 }));
    expect(worker.after(computed).at(-1)).toBe("compute 3");
  });

  it("keeps its shards if those of another step are revoked", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 2 }), revoke({ step: 2, first: 1, count: 1 }));
    expect(worker.after(computed).at(-1)).toBe("compute 1");
  });
});

describe("a commit", () => {
  it("is applied with its gradient, and the state is reported", () => {
    const worker = workerAt(3);
    expect(worker.after(commit(4))).toEqual(["gather 4"]);
    expect(worker.after(gathered)).toEqual(["apply 4"]);
    expect(worker.after(applied(4))).toEqual(["tell applied 4"]);
    expect(worker.last[0]).toMatchObject({ message: { applied: held(4) } });
  });

  it("of a step that the replica includes is ignored", () => {
    expect(workerAt(3).after(commit(3))).toEqual([]);
  });

  it("after a missed one makes the worker request the replica", () => {
    expect(workerAt(3).after(commit(5))).toEqual(["tell resynchronise at step 3, but step 5 was committed"]);
  });

  it("makes a worker without a replica request it", () => {
    const worker = new Worker();
    expect(worker.after(welcome, loaded(), commit(1))).toEqual([
      "tell resynchronise without a replica, but step 1 was committed",
    ]);
  });
});

describe("a failed call", () => {
  it("makes the worker request the replica if a gradient or a replica did not arrive", () => {
    const worker = workerAt(0);
    worker.after(commit(1));
    expect(worker.after(callFailed())).toEqual([
      "notArrived",
      "tell resynchronise the gradient of step 1 did not arrive: 13 INTERNAL",
    ]);
    worker.after(synchronise);
    expect(worker.after(callFailed())).toEqual([
      "notArrived",
      "tell resynchronise the replica did not arrive: 13 INTERNAL",
    ]);
    expect(worker.after(synchronise)).toEqual(["pullReplica"]);
  });

  it("closes the connection the third time in a row; a success resets the count", () => {
    const worker = workerAt(0);
    worker.after(synchronise, callFailed(), synchronise, callFailed());
    worker.after(synchronise, synchronised(0), synchronise, callFailed(), synchronise, callFailed());
    worker.after(synchronise);
    expect(worker.after(callFailed())).toEqual(["end lost"]);
    expect(worker.last[0]).toMatchObject({ end: { reason: "13 INTERNAL" } });
  });

  it("closes a broken connection immediately", () => {
    const worker = workerAt(0);
    worker.after(commit(1));
    expect(worker.after(callFailed(true))).toEqual(["end lost"]);
  });

  it.each<[string, () => Worker]>([
    [
      "the model's files do not arrive",
      () => {
        const worker = new Worker();
        worker.after(welcome);
        return worker;
      },
    ],
    [
      "the replica cannot be pushed",
      () => {
        const worker = workerAt(2);
        expect(worker.after({ type: "sendReplica" })).toEqual(["pushReplica"]);
        return worker;
      },
    ],
  ])("closes the connection if %s", (_, start) => {
    expect(start().after(callFailed())).toEqual(["end lost"]);
  });

  it("after the end of the run is ignored", () => {
    const worker = workerAt(0);
    worker.after(commit(1), finish);
    expect(worker.after(callFailed(true))).toEqual(["end finished"]);
  });
});

describe("the end", () => {
  it("of the run comes after the current shard, before anything else in the queue", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 2 }), commit(1));
    expect(worker.after(finish)).toEqual([]);
    expect(worker.after(computed).at(-1)).toBe("end finished");
    expect(worker.last.at(-1)).toEqual({
      type: "end",
      end: { kind: "finished", completed: true, reason: "complete" },
    });
    expect(worker.after(commit(2), gathered)).toEqual([]);
  });

  it("of a coordinator that will return is a lost connection", () => {
    const worker = workerAt(0);
    const { finish: said } = finish;
    worker.after({ type: "finish", finish: { ...said, reason: "leaving", returning: true } });
    expect(worker.last).toEqual([
      { type: "end", end: { kind: "lost", reason: "the coordinator is leaving, and will be restarted" } },
    ]);
  });

  it("of the stream comes after commits that had arrived: a killed coordinator may need them", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 4 }), commit(1));
    expect(worker.after(lost)).toEqual([]);
    expect(worker.after(computed).slice(-2)).toEqual(["closeLease", "gather 1"]);
    worker.after(gathered);
    expect(worker.after(applied(1))).toEqual(["tell applied 1", "end lost"]);
  });

  it("of the stream drops the shards that are not begun", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 4 }), lost);
    expect(worker.after(computed).slice(-2)).toEqual(["closeLease", "end lost"]);
  });

  it("is a refusal if the stream ended with one", () => {
    const worker = new Worker();
    expect(worker.after({ type: "streamEnded", end: { kind: "refused", reason: "wrong token" } })).toEqual([
      "end refused",
    ]);
  });

  it("is reported to the coordinator with the error if the engine fails", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 1 }));
    const error = new CoxswainError("machine", "no memory", { hint: "Use less." });
    expect(worker.after({ type: "failed", error })).toEqual(["tell failed", "end failed"]);
    expect(worker.last).toEqual([
      { type: "send", message: { failed: { code: "machine", message: "no memory", hint: "Use less." } } },
      { type: "end", end: { kind: "failed", error } },
    ]);
  });

  it("is a lost connection if something fails after the end of the stream", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 1 }), lost);
    expect(worker.after({ type: "failed", error: new Error("no memory") })).toEqual(["end lost"]);
  });
});

describe("a worker that is asked to leave", () => {
  it("announces it, finishes its computation, and is dismissed", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 2 }));
    expect(worker.after({ type: "drain", reason: "SIGTERM" })).toEqual(["tell draining SIGTERM", "startDrainTimer"]);
    expect(worker.after(computed)).toContain("compute 1");
    expect(worker.after(finish)).toEqual([]);
    expect(worker.after(computed).at(-1)).toBe("end finished");
  });

  it("sends Leaving and closes the connection if it is not dismissed in time", () => {
    const worker = workerAt(0);
    worker.after(lease({ step: 1, shards: 2 }), { type: "drain", reason: "SIGTERM" });
    expect(worker.after({ type: "drainTimeOver" })).toEqual(["tell leaving SIGTERM", "hangUp"]);
    expect(worker.after(lost)).toEqual([]);
    expect(worker.after(computed).at(-1)).toBe("end lost");
  });
});

it("a failed call gives a CoxswainError that says whether the connection is intact", () => {
  const error = new CallFailed("14 UNAVAILABLE", true);
  expect(error).toBeInstanceOf(CoxswainError);
  expect(error).toMatchObject({ code: "network", connectionLost: true });
});
