/** The work of `coxswain worker`: its log, the signals that end it, and its exit code. */
import { once } from "node:events";
import { openWorker } from "../../library/index.js";
import { createLogger } from "../../telemetry/index.js";
import { tlsOf } from "../options/connection.js";
import { onInterruption } from "../process/interruption.js";
import { findCoordinator, type OpenLocator } from "./find-coordinator.js";
import type { WorkerFlags } from "./flags.js";

const names = { listen: "--listen", advertise: "--advertise", http: "--http" };

export async function work(flags: WorkerFlags): Promise<void> {
  let coordinator: OpenLocator | undefined;
  const log = createLogger({ name: "worker" });
  const { logger } = log;
  const leaving = new AbortController();
  const interruption = leaveOnInterruption(leaving);
  const { signal } = leaving;
  const http = flags.http === "none" ? null : flags.http;
  const settings = { ...flags, tls: tlsOf(flags), http };
  try {
    const worker = await openWorker(async () => (coordinator = await findCoordinator(flags)), settings, {
      logger,
      names,
      signal,
      onCompleted: async () => {
        if (flags.stay !== true || signal.aborted) return;
        logger.info("the run is complete; waiting for SIGTERM");
        await once(signal, "abort");
      },
    });
    // Tells supervisors, such as a Kubernetes Job, whether there is work left for another worker.
    if ((await worker.result) === "interrupted") process.exitCode = 130;
  } finally {
    interruption.close();
    await coordinator?.close();
    log.close();
  }
}

/**
 * On a signal, or if its log can no longer be written, the worker delivers its results and leaves; a second signal ends the
 * process immediately. A worker that `train` started ends with its parent, and leaves Ctrl-C and hang-ups to it
 * (parent.ts): only SIGTERM makes it leave.
 */
function leaveOnInterruption(leaving: AbortController): { close(): void } {
  const leave = (cause: string): void => {
    if (leaving.signal.aborted) process.exit(130);
    leaving.abort(cause);
  };
  if (process.send === undefined) return onInterruption(({ cause }) => leave(cause));
  const terminated = (): void => leave("received SIGTERM");
  process.on("SIGTERM", terminated);
  return {
    close: () => {
      process.off("SIGTERM", terminated);
    },
  };
}
