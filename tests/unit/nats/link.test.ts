/** These tests protect: a connection that comes back by itself, and a user who is told once why there is none. */
import type { NatsConnection } from "nats";
import { expect, it } from "vitest";
import { CoxswainError } from "../../../src/errors.js";
import { NatsLink } from "../../../src/nats/link.js";

/** A connection of nothing, which the test ends. */
function bare(): NatsConnection & { lose(): void } {
  let over = false;
  let lose: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    lose = () => {
      over = true;
      resolve();
    };
  });
  const close = (): Promise<void> => {
    lose();
    return Promise.resolve();
  };
  const part = { closed: () => closed, isClosed: () => over, close, drain: close, lose: () => lose() };
  return part as unknown as NatsConnection & { lose(): void };
}

it("reconnects indefinitely, notifies its users each time, and reports the reason once", async () => {
  const refused = new CoxswainError("network", "nothing listens there");
  const gone = new CoxswainError("network", "it does not answer");
  const connections = [bare(), bare()];
  // Each attempt's outcome, in turn.
  const outcomes = [refused, refused, gone, connections[0]!, refused, connections[1]!];
  const seen: string[] = [];
  let told: () => void = () => undefined;
  const until = (entry: string, times: number): Promise<void> =>
    new Promise((resolve) => {
      told = () => {
        if (seen.filter((each) => each === entry).length === times) resolve();
      };
      told();
    });
  const note = (entry: string): void => {
    seen.push(entry);
    told();
  };
  const link = new NatsLink({
    open: () => {
      const outcome = outcomes.shift()!;
      return outcome instanceof CoxswainError ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
    users: [{ up: () => note("up"), down: () => note("down") }],
    onConnected: (connected) => note(`connected ${connected}`),
    onTrouble: ({ message }) => note(message),
    backOff: { first: 1, last: 2 },
  });
  await until("up", 1);
  connections[0]!.lose();
  await until("up", 2);
  await link.close();
  expect(seen).toEqual([
    "connected false",
    "nothing listens there",
    "it does not answer",
    "connected true",
    "up",
    "down",
    "connected false",
    "nothing listens there",
    "connected true",
    "up",
    "down",
    "connected false",
  ]);
  expect(outcomes).toEqual([]);
});
