/** Idle connections to `telemetry.http`, more than the coordinator may have open files. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { elsewhere } from "../support/hostile.js";
import { AttackedRun, expectUnharmed } from "../support/security/attacked-run.js";

/** Connects and says nothing; connects again, a second later, whatever is closed. */
async function idleConnections(port: number, count: number, signal: AbortSignal): Promise<void> {
  const sockets = new Set<Socket>();
  const open = (): void => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: elsewhere });
    sockets.add(socket);
    socket.on("error", () => undefined).resume();
    socket.once("close", () => {
      sockets.delete(socket);
      if (!signal.aborted) setTimeout(open, 1_000);
    });
  };
  for (let index = 0; index < count; index++) open();
  await once(signal, "abort");
  for (const socket of sockets) socket.destroy();
}

describe("700 idle connections to telemetry.http, with 512 open files", () => {
  it("leave checkpoints, probes, workers and the adapter as they are", async () => {
    const run = await AttackedRun.start({ openFiles: 512 });
    const figures = await run.under(async (signal) => {
      const attacking = idleConnections(run.httpPort, 700, signal);
      await run.untilCheckpoint();
      await run.untilCheckpoint();
      await attacking;
    });
    expectUnharmed(figures);
    expect(await run.endsWithTheSameBits()).toBe(true);
  });
});
