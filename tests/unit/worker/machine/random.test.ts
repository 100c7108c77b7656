/** What holds of a worker's decisions whatever the coordinator says and whatever becomes of its calls. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { contains, isNode, shardsOf } from "../../../../src/collective/index.js";
import { shardIndex } from "../../../../src/ids.js";
import { MembershipMachine } from "../../../../src/worker/machine/index.js";
import type { Effect, Event } from "../../../../src/worker/machine/index.js";
import { commit, digest, evaluation, failure, lease, loaded, revoke, welcome } from "./messages.js";

const roundShards = 8;

type Outcome = "done" | "callFailed" | "connectionLost" | "failed";
type Action = { readonly tell: Event } | { readonly outcome: Outcome } | { readonly wait: number };

const steps = fc.integer({ min: 1, max: 4 });
const range = fc
  .record({ first: fc.nat(roundShards - 1), count: fc.integer({ min: 1, max: roundShards }) })
  .map(({ first, count }) => ({ first, count: Math.min(count, roundShards - first) }));

const message: fc.Arbitrary<Event> = fc.oneof(
  fc.constant<Event>({ type: "synchronise" }),
  { arbitrary: fc.tuple(steps, range, fc.boolean()).map(([step, of, push]) => leaseOf(step, of, push)), weight: 4 },
  steps.map((step) => evaluation({ step, shards: 2 })),
  fc.tuple(steps, range).map(([step, of]) => revoke({ step, ...of })),
  { arbitrary: steps.map(commit), weight: 3 },
  fc.constant<Event>({ type: "sendReplica" }),
  fc.constant<Event>({ type: "drain", reason: "SIGTERM" }),
);
const ending: fc.Arbitrary<Event> = fc.constantFrom<Event>(
  { type: "finish", finish: { reason: "complete", completed: true, returning: false } },
  { type: "streamEnded", end: { kind: "lost", reason: "reset" } },
  { type: "drainTimeOver" },
);
const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: message.map((tell) => ({ tell })), weight: 8 },
  { arbitrary: fc.constant<Action>({ outcome: "done" }), weight: 10 },
  { arbitrary: fc.constantFrom<Outcome>("callFailed").map((outcome) => ({ outcome })), weight: 2 },
  { arbitrary: fc.nat(500).map((wait) => ({ wait })), weight: 2 },
  { arbitrary: fc.constantFrom<Outcome>("connectionLost", "failed").map((outcome) => ({ outcome })), weight: 1 },
  { arbitrary: ending.map((tell) => ({ tell })), weight: 1 },
);

const leaseOf = (step: number, { first, count }: { first: number; count: number }, push: boolean): Event =>
  lease({ step, first, shards: count, roundShards, push });

const underWay = new Set<Effect["type"]>(["load", "pullReplica", "compute", "gather", "apply", "pushReplica"]);

const held = (step: number): { step: number; stateHash: string } => ({ step, stateHash: `hash ${step}` });

/** Carries out what the machine wants, and checks it on the way. */
class Shell {
  readonly machine = new MembershipMachine();
  now = 0;
  /** The effect that the machine waits for. */
  work: Effect | undefined;
  /** The step of the state that is held here. */
  step: number | undefined;
  /** What the coordinator would hand out. */
  committed = 0;
  ended = false;
  streamEnded = false;
  #shards = new Set<number>();
  #served = new Set<number>();

  dispatch(event: Event): void {
    if (event.type === "commit") this.committed = Math.max(this.committed, event.commit.step);
    if (event.type === "streamEnded") this.streamEnded = true;
    for (const effect of this.machine.handle(event, this.now)) this.#carryOut(effect);
  }

  settle(outcome: Outcome): void {
    const { work } = this;
    if (work === undefined) return;
    this.work = undefined;
    if (outcome === "failed") this.dispatch({ type: "failed", error: new Error("broken") });
    else if (outcome === "done" || work.type === "compute" || work.type === "apply") this.dispatch(this.#done(work));
    else this.dispatch({ type: "callFailed", failure: failure(outcome === "connectionLost") });
  }

  #done(work: Effect): Event {
    if (work.type === "load")
      return loaded(this.step === undefined ? undefined : { runDigest: digest, ...held(this.step) });
    if (work.type === "gather") return { type: "gathered" };
    if (work.type === "pushReplica") return { type: "replicaPushed" };
    if (work.type === "compute") {
      this.#shards.add(work.shard);
      return { type: "computed", lossSum: 1, supervisedTokens: 1, seconds: 1 };
    }
    if (work.type !== "apply") {
      this.step = this.committed;
      return { type: "synchronised", held: held(this.step) };
    }
    expect(work.commit.step).toBe((this.step ?? NaN) + 1);
    this.step = work.commit.step;
    return { type: "applied", held: held(this.step) };
  }

  #carryOut(effect: Effect): void {
    expect(this.ended, "nothing is wanted after the end").toBe(false);
    if (underWay.has(effect.type)) {
      expect(this.work, "one thing is under way at a time").toBeUndefined();
      this.work = effect;
    }
    if (effect.type === "compute") this.#onCompute(effect);
    if (effect.type === "serve") this.#onServe(effect);
    if (effect.type === "closeLease") {
      this.#shards.clear();
      this.#served.clear();
    }
    if (effect.type === "gather") expect(effect.commit.step).toBe((this.step ?? NaN) + 1);
    if (effect.type === "pushReplica") expect(this.step).toBeDefined();
    if (effect.type === "end") this.ended = true;
  }

  /** Every shard of it was computed, and is handed out once. */
  #onServe({ node }: Extract<Effect, { type: "serve" }>): void {
    expect(isNode(node, roundShards)).toBe(true);
    for (const shard of shardsOf(node)) {
      expect(this.#shards.has(shard)).toBe(true);
      expect(this.#served.has(shard)).toBe(false);
      this.#served.add(shard);
    }
  }

  #onCompute({ task, lease: { step, first, shards }, shard }: Extract<Effect, { type: "compute" }>): void {
    const needed = task === "train" ? step - 1 : step;
    expect(this.step, "computed with the parameters of the step before").toBe(needed);
    expect(this.streamEnded, "nothing is begun for a coordinator that is gone").toBe(false);
    expect(this.committed, "nothing is begun for a step that is final").toBeLessThanOrEqual(needed);
    expect(contains({ first: shardIndex(first), count: shards.length }, { first: shard, count: 1 })).toBe(true);
    expect(this.#shards.has(shard), "no shard is computed twice").toBe(false);
  }
}

it("does one thing at a time, on the right state, delivers it once, and ends once", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const shell = new Shell();
      shell.dispatch(welcome);
      for (const next of actions) {
        if ("tell" in next) shell.dispatch(next.tell);
        else if ("wait" in next) shell.now += next.wait;
        else shell.settle(next.outcome);
      }
      // It never gets stuck: with everything answered, the end of the stream is its end.
      shell.dispatch({ type: "streamEnded", end: { kind: "lost", reason: "reset" } });
      for (let left = 200; shell.work !== undefined && left > 0; left--) shell.settle("done");
      expect(shell.ended).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

it("the same events give the same effects", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const [one, two] = [new MembershipMachine(), new MembershipMachine()];
      const events: Event[] = [welcome, loaded({ runDigest: digest, step: 0, stateHash: "" })];
      for (const next of actions) if ("tell" in next) events.push(next.tell);
      for (const event of events) expect(two.handle(event, 0)).toEqual(one.handle(event, 0));
    }),
  );
});
