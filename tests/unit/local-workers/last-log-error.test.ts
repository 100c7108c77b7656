/** What a user loses if these fail: the reason why the workers of a run do not start, which is then only in a file. */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lastLogError, readLastLogError } from "../../../src/local-workers/last-log-error.js";
import { temporaryFolder } from "../../support/processes.js";

const logged = (level: number, msg: string, more: object = {}): string =>
  JSON.stringify({ level, name: "worker", ...more, msg });

describe("the error that ended a worker", () => {
  it.each([
    [
      "with its hint",
      `${logged(30, "metrics")}\nerror: no connection\nhint: Start it.\n`,
      "no connection",
      "Start it.",
    ],
    ["without a hint", "error: no connection\n", "no connection", undefined],
    ["with several lines", "error: run.yaml:\n  a: wrong\nhint: Fix it.\n", "run.yaml:\n  a: wrong", "Fix it."],
    [
      "with colours",
      "\u001b[1m\u001b[31merror:\u001b[39m\u001b[22m bad\n\u001b[36mhint:\u001b[39m Do.\n",
      "bad",
      "Do.",
    ],
    ["that is the last one", "error: first\nhint: One.\nerror: second\n", "second", undefined],
    ["before later log lines", `error: bad\n${logged(50, "later")}\n`, "bad", undefined],
    [
      "as a JSON line",
      `${logged(50, "it broke", { error: { message: "EIO" } })}\n${logged(30, "bye")}\n`,
      "it broke: EIO",
      undefined,
    ],
    [
      "of an exhausted heap",
      "\n<--- Last few GCs --->\n\nFATAL ERROR: Reached heap limit\n----- Native stack trace -----\n",
      "FATAL ERROR: Reached heap limit",
      undefined,
    ],
    [
      "of Node.js",
      "node:internal\n  throw err;\n\nError: Cannot find module 'x'\n    at Module\n",
      "Error: Cannot find module 'x'",
      undefined,
    ],
  ])("is found %s", (_, log, error, hint) => {
    expect(lastLogError(log)).toEqual({ error, hint });
  });

  it.each(["", logged(30, "metrics"), '{"level":50', "null", "{}"])("is absent if the log has none (%s)", (log) => {
    expect(lastLogError(log)).toBeUndefined();
  });

  it("is truncated if it is very long", () => {
    expect(lastLogError(`error: ${"x".repeat(10_000)}`)?.error).toHaveLength(1_001);
  });
});

describe("a log of several processes", () => {
  it("is read from where the last process began, and only its end", () => {
    const log = join(temporaryFolder(), "worker-0.log");
    writeFileSync(log, "error: of yesterday\n");
    expect(readLastLogError(log, 20)).toBeUndefined();
    appendFileSync(log, `${`${logged(30, "a step")}\n`.repeat(5_000)}error: of today\n`);
    expect(readLastLogError(log, 20)).toEqual({ error: "of today", hint: undefined });
    appendFileSync(log, `${logged(30, "a step")}\n`.repeat(5_000));
    expect(readLastLogError(log, 20)).toBeUndefined();
  });

  it("causes no error if it was deleted", () => {
    expect(readLastLogError(join(temporaryFolder(), "none"), 0)).toBeUndefined();
  });
});
