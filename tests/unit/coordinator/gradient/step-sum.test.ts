import { describe, expect, it } from "vitest";
import type { Event } from "../../../../src/coordinator/machine/index.js";
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
  let bytes = 0;
  const sum = new StepSum({
    size: 2,
    allReduceDtype: "float32",
    sessions: { get: (id) => (id === "a" ? session : undefined) },
    recorder: { received: (more) => void (bytes += more) },
    logger: createLogger({ name: "test", level: "silent" }).logger,
    onBug: (error) => {
      throw error;
    },
    dispatch: (event) => {
      events.push(event);
      if (event.type === "received" && accepts) sum.accept({ ...event, type: "accept" });
    },
  });
  const receive = (first: number, worker = "a"): void =>
    sum.receive({ type: "receive", worker, step: one, node: leaf(first) });
  return { sum, session, events, receive, bytes: () => bytes };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the sum of a step", () => {
  it("contains all accepted contributions, in any order of arrival", async () => {
    const { sum, session, receive, bytes } = opened();
    sum.open(one, 2);
    session.pushed(1, leaf(1), Float32Array.of(10, 20));
    receive(0);
    receive(1);
    await turn();
    session.pushed(1, leaf(0), Float32Array.of(1, 2));
    await turn();
    expect([...sum.take(one)]).toEqual([11, 22]);
    expect(bytes()).toBe(16);
  });

  it("does not restart with a later lease of the same step", async () => {
    const { sum, session, receive } = opened();
    sum.open(one, 1);
    session.pushed(1, leaf(0), Float32Array.of(1, 2));
    receive(0);
    await turn();
    sum.open(one, 1);
    expect([...sum.take(one)]).toEqual([1, 2]);
  });

  it("is unavailable if it is incomplete or was already taken", async () => {
    const { sum, session, receive } = opened({ accepts: false });
    sum.open(one, 1);
    session.pushed(1, leaf(0), Float32Array.of(1, 2));
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
    expect(events).toEqual([{ type: "receiveFailed", worker: "a", step: one, node: leaf(0) }]);
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
});
