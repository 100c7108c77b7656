/** What fails with these: a run that is lost from the queue, or is tried for ever. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nextAttempt, openAttempt } from "../../../src/queue/attempt.js";
import { attemptsAllowed } from "../../../src/queue/limits.js";
import { judge, judgeError } from "../../../src/queue/verdict.js";
import { CoxswainError } from "../../../src/errors.js";
import { errorOf } from "../../support/errors.js";
import { temporaryFolder } from "../../support/processes.js";

describe("a served run", () => {
  it("that is complete, or was stopped by a user, leaves the queue", () => {
    const finished = judge({ outcome: { kind: "completed" }, adapter: "/a", step: 9 }, 1);
    expect(finished).toEqual({ kind: "finished", step: 9, adapter: "/a" });
    const reason = "stopped by ann@laptop";
    const stopped = judge({ outcome: { kind: "stopped", reason, returning: false }, adapter: undefined, step: 4 }, 1);
    expect(stopped).toEqual({ kind: "stopped", step: 4, reason });
  });

  it("whose server leaves is given to another immediately", () => {
    const left = judge(
      { outcome: { kind: "stopped", reason: "interrupted", returning: false }, adapter: undefined, step: 4 },
      1,
    );
    expect(left).toMatchObject({ kind: "returned", delay: 0 });
  });

  it.each(["usage", "config", "data", "model", "diverged"] as const)(
    "that is invalid (%s) is rejected at the first attempt",
    (code) => {
      const error = new CoxswainError(code, "it is wrong", { hint: "Mend it." });
      expect(judgeError(error, 1)).toEqual({
        kind: "rejected",
        error: { code, message: "it is wrong", hint: "Mend it." },
      });
    },
  );

  it("that failed for an external reason is retried later, but not forever", () => {
    const error = new CoxswainError("storage", "the disk is full");
    expect(judgeError(error, 1)).toMatchObject({ kind: "returned", reason: "the disk is full" });
    expect(judgeError(error, attemptsAllowed)).toMatchObject({ kind: "rejected" });
  });
});

describe("attempts at a run", () => {
  it("are counted while no step is added, and reset by a new step", () => {
    const first = nextAttempt(undefined, "s", 0);
    expect(first.attempts).toBe(1);
    const second = nextAttempt(first, "s", 0);
    expect(second.attempts).toBe(2);
    expect(nextAttempt(second, "s", 5)).toEqual({ submission: "s", step: 5, attempts: 1 });
  });

  it("continue in the submission's own folder", () => {
    const folder = join(temporaryFolder(), "out");
    expect(openAttempt(folder, "mine")).toMatchObject({ resume: false, attempts: 1 });
    expect(openAttempt(folder, "mine")).toMatchObject({ resume: true, attempts: 2 });
  });

  it("never continue another run in the folder", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "metrics.jsonl"), '{"step":1,"loss":1,"supervised_tokens":1,"step_seconds":1}\n');
    for (let again = 0; again < 2; again++)
      expect(errorOf(() => openAttempt(folder, "mine")).message).toMatch(/already holds steps of a run/);
  });
});
