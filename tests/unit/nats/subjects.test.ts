/** These tests protect: subjects that it has written down, and runs that are kept apart. */
import { expect, it } from "vitest";
import { controlSubject, eventSubject, queueSubject, verbOf } from "../../../src/nats/subjects.js";

/** Whether a subject is one of a pattern's, as a NATS server decides. */
function matches(pattern: string, subject: string): boolean {
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  if (wanted.at(-1) === ">") {
    const head = wanted.slice(0, -1);
    return tokens.length > head.length && matches(head.join("."), tokens.slice(0, head.length).join("."));
  }
  return wanted.length === tokens.length && wanted.every((token, index) => token === "*" || token === tokens[index]);
}

it.each([
  ["run_started", "coxswain.r.events.started"],
  ["run_failed", "coxswain.r.events.failed"],
  ["step", "coxswain.r.events.step"],
  ["worker_joined", "coxswain.r.events.worker.joined"],
  ["checkpoint_saved", "coxswain.r.events.checkpoint.saved"],
] as const)("%s is published on %s", (event, subject) => {
  expect(eventSubject("r", event)).toBe(subject);
  expect(matches("coxswain.*.events.>", subject)).toBe(true);
});

it("a run named queue does not collide with the queue, nor a queued one with the events", () => {
  expect(matches(queueSubject("*"), queueSubject("my-run"))).toBe(true);
  for (const subject of [eventSubject("queue", "step"), controlSubject("queue", "stop")])
    expect(matches(queueSubject("*"), subject)).toBe(false);
  expect(matches("coxswain.*.events.>", queueSubject("events"))).toBe(false);
});

it("exactly the verbs' subjects are recognised", () => {
  expect(verbOf("coxswain.r.control.pause")).toBe("pause");
  expect(verbOf("coxswain.r.control.halt")).toBeUndefined();
  expect(verbOf("coxswain.pause.events.step")).toBeUndefined();
});
