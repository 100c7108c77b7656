/** Who watches a run sees it to its end, whatever becomes of its coordinator, and is told where that does not come back. */
import { describe, expect, it } from "vitest";
import { RunOver } from "../../../../src/cli/control/locate-run.js";
import { watchRun } from "../../../../src/cli/status/watch-run.js";
import type { RemoteRun, RunStatus } from "../../../../src/control/index.js";
import { CoxswainError } from "../../../../src/errors.js";

const gone = new CoxswainError("network", "connection refused");
const status = (state: RunStatus["state"], step: number) => ({ state, step }) as RunStatus;

/** What one life of a coordinator says; an error is how the connection ends. */
type Life = readonly (RunStatus | Error)[];

/** @param lives one for each attempt; an error in place of one: it is not found. The last is tried again and again */
async function watched(lives: readonly (Life | Error)[]) {
  const seen: string[] = [];
  let clock = 0;
  let closed = 0;
  let attempt = 0;
  const reach = (): Promise<RemoteRun> => {
    const life = lives[Math.min(attempt++, lives.length - 1)]!;
    if (life instanceof Error) return Promise.reject(life);
    async function* watch() {
      for (const each of life as Life) {
        await Promise.resolve();
        if (each instanceof Error) throw each;
        yield each;
      }
    }
    return Promise.resolve({ watch, close: () => (closed += 1) } as unknown as RemoteRun);
  };
  const statuses = watchRun({
    reach,
    onLost: (error) => seen.push(error.message),
    now: () => clock,
    pause: (duration) => {
      clock += duration;
      return Promise.resolve();
    },
  });
  let failure: unknown;
  try {
    for await (const { state, step } of statuses) seen.push(`${state} ${step}`);
  } catch (error) {
    failure = error;
  }
  return { seen, failure, clock, closed };
}

describe("a watched run", () => {
  it("is followed to its end across two coordinators, and every connection is closed", async () => {
    const { seen, failure, closed } = await watched([
      [status("training", 1), gone],
      new CoxswainError("cluster", "still starting"),
      [status("recovering", 1), status("completed", 2), status("training", 3)],
    ]);
    expect(seen).toEqual([
      ...["training 1", "connection refused", "still starting"],
      ...["recovering 1", "completed 2"],
    ]);
    expect(failure).toBeUndefined();
    expect(closed).toBe(2);
  });

  it("that never existed is an error immediately", async () => {
    expect(await watched([gone])).toMatchObject({ seen: [], failure: gone, clock: 0 });
  });

  it("whose coordinator does not return is given up after five minutes", async () => {
    const { failure, clock } = await watched([[status("training", 1), gone], gone]);
    expect(failure).toBe(gone);
    expect(clock).toBeGreaterThan(300_000);
    expect(clock).toBeLessThan(310_000);
  });

  it("that ended between two connections is reported as over", async () => {
    const over = new RunOver("cluster", "the run finished after 12 steps");
    expect((await watched([[status("training", 1), gone], over])).failure).toBe(over);
  });

  it("is not retried without permission", async () => {
    const usage = new CoxswainError("config", "ca.pem cannot be read");
    expect((await watched([[status("training", 1), gone], usage])).failure).toBe(usage);
  });

  it("is looked for again if its coordinator ends without a final status", async () => {
    const { seen } = await watched([[status("training", 1)], [status("stopped", 1)]]);
    expect(seen).toEqual(["training 1", "the coordinator closed the connection unexpectedly", "stopped 1"]);
  });
});
