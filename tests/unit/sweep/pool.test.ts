import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.js";
import { parseRun } from "../../../src/config/index.js";
import type { CoordinatorHandlers, CoordinatorMessageOutput } from "../../../src/rpc/index.js";
import { trialForWorker } from "../../../src/sweep/pool/assign.js";
import { SweepPool } from "../../../src/sweep/pool/pool.js";
import { clientOf } from "../../support/hostile.js";

describe("a free worker", () => {
  it("goes to a trial that has no worker", () => {
    const open = [
      { id: "a", workers: 1 },
      { id: "b", workers: 0 },
    ];
    expect(trialForWorker(open, true)).toBe("b");
    expect(trialForWorker(open, false)).toBe("b");
  });

  it("waits while more trials are about to open", () => {
    expect(trialForWorker([{ id: "a", workers: 1 }], true)).toBeUndefined();
    expect(trialForWorker([], true)).toBeUndefined();
  });

  it("helps the trial with the fewest workers, the oldest of these, once no more are to open", () => {
    const open = [
      { id: "a", workers: 3 },
      { id: "b", workers: 2 },
      { id: "c", workers: 2 },
    ];
    expect(trialForWorker(open, false)).toBe("b");
  });

  it("waits while there is no trial", () => {
    expect(trialForWorker([], false)).toBeUndefined();
  });
});

describe("the end of a sweep", () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** A trial that does nothing with its workers. */
  const idle = {
    Attend: (stream: { on: (event: string, listener: () => void) => void }) => stream.on("data", () => undefined),
  };

  it("dismisses a worker whose trial closed while its stream was still open, once it is back", async () => {
    const { cluster } = parseRun("model: m\noutput_dir: o\ndata: { train: t }\n", "run.yaml");
    let changed = (): void => undefined;
    const pool = await SweepPool.open({
      cluster,
      address: { host: "127.0.0.1", port: 0 },
      clock: systemClock,
      onChange: () => changed(),
    });
    closers.push(() => pool.close());
    const attend = () => {
      const client = clientOf(pool.port);
      closers.push(() => client.close());
      const stream = client.attend();
      stream.on("error", () => undefined);
      stream.write({ heartbeat: {} });
      return stream;
    };
    const arrived = new Promise<void>((resolve) => {
      changed = () => {
        if (pool.size === 1) resolve();
      };
    });
    pool.opening = false;
    const trial = pool.open("run", idle as unknown as CoordinatorHandlers);
    const first = attend();
    const refused = new Promise((resolve) => first.on("error", resolve));
    await arrived;
    expect({ size: pool.size, waiting: pool.waiting }).toEqual({ size: 1, waiting: 0 });
    trial.close();
    await refused;
    let isDismissed = false;
    const dismissed = pool.dismiss(true).then(() => (isDismissed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDismissed).toBe(false);
    const back = attend();
    const finish = await new Promise<CoordinatorMessageOutput>((resolve) => back.once("data", resolve));
    expect(finish.finish).toMatchObject({ completed: true, returning: false });
    await dismissed;
  });
});
