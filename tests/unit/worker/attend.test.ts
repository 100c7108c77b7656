/** How long a worker tries to take part, and how often. */
import { expect, it } from "vitest";
import { systemClock } from "../../../src/clock.js";
import { createLogger } from "../../../src/telemetry/index.js";
import { attendRun } from "../../../src/worker/index.js";
import type { CoordinatorConnection, WorkerTransport } from "../../../src/worker/index.js";
import { rejectionOf } from "../../support/errors.js";

/** Something answers, but ends every stream: a proxy without the server behind it. */
function endsEveryStream(): WorkerTransport & { attempts: number } {
  const connection: Pick<CoordinatorConnection, "dataServer" | "attend" | "close"> = {
    dataServer: undefined,
    attend: (listener) => {
      setImmediate(() => listener.ended({ kind: "lost", reason: "14 UNAVAILABLE" }));
      return { send: () => undefined, finish: () => undefined, cancel: () => undefined };
    },
    close: () => Promise.resolve(),
  };
  return {
    attempts: 0,
    coordinator: "head:7070",
    connect() {
      this.attempts++;
      return Promise.resolve({ kind: "connected", connection: connection as CoordinatorConnection });
    },
    close: () => Promise.resolve(),
  };
}

it("gives up after the reconnect timeout where something answers that is no coordinator, with increasing delays", async () => {
  const transport = endsEveryStream();
  const ignore = (): void => undefined;
  const attending = attendRun({
    transport,
    models: { load: () => Promise.reject(new Error("nobody welcomed this worker")) },
    identity: () => ({ id: `w${transport.attempts}`, host: "h", pid: 1 }),
    advertiseHost: undefined,
    reconnectTimeout: 300,
    clock: systemClock,
    logger: createLogger({ name: "test", level: "silent" }).logger,
    observer: {
      connected: ignore,
      welcomed: ignore,
      shard: ignore,
      activity: ignore,
      applied: ignore,
      committed: ignore,
      moved: ignore,
    },
    signal: new AbortController().signal,
  });
  expect(await rejectionOf(attending)).toMatchObject({
    code: "network",
    message: "no coordinator at head:7070: 14 UNAVAILABLE",
  });
  // At 0, 200 and 600 ms.
  expect(transport.attempts).toBe(3);
});
