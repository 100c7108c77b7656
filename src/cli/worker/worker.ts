/** The worker process: logs, metrics, signals, and the membership itself. */
import { once } from "node:events";
import { systemClock } from "../../clock.js";
import { parseAddress, parseHost } from "../../config/index.js";
import { reportSlowPath } from "../../rpc/index.js";
import { createLogger, createWorkerMetrics, serveTelemetry } from "../../telemetry/index.js";
import { version } from "../../version.js";
import { runWorker } from "../../worker/index.js";
import { tlsOf } from "../options/connection.js";
import { findCoordinator } from "./find-coordinator.js";
import { onInterruption } from "../process/interruption.js";
import type { WorkerFlags } from "./flags.js";

export async function work(flags: WorkerFlags): Promise<void> {
  // Also those that are needed later only: what is wrong with them is said before anything is waited for.
  if (flags.listen !== undefined && flags.listen !== "none")
    parseAddress(flags.listen, { name: "--listen", allowPortZero: true });
  const advertiseHost = flags.advertise === undefined ? undefined : parseHost(flags.advertise, { name: "--advertise" });
  const coordinator = await findCoordinator(flags);
  const log = createLogger({ name: "worker" });
  const { logger } = log;
  const metrics = createWorkerMetrics(version);
  const slowPath = reportSlowPath({
    count: (direction) => metrics.bulkSlowPath.add(1, { direction }),
    warn: (text) => logger.warn(text),
  });
  const leaving = new AbortController();
  const interruption = leaveOnInterruption(leaving);
  let connected = false;
  let over = false;
  const telemetry =
    flags.http === "none"
      ? undefined
      : await serveTelemetry({
          address: flags.http,
          name: "--http",
          metrics,
          ready: () => connected || over || "not connected to a coordinator",
        });
  try {
    if (telemetry !== undefined) logger.info({ http: telemetry.address }, "metrics");
    const end = await runWorker({
      coordinator,
      token: flags.token ?? null,
      tls: tlsOf(flags),
      proxy: flags.proxy,
      listen: flags.listen,
      advertiseHost,
      modelFolder: flags.model,
      device: flags.device,
      reconnectTimeout: flags.reconnectTimeout === undefined ? undefined : flags.reconnectTimeout * 1000,
      logger,
      observer: {
        connected: (now) => {
          connected = now;
          metrics.connected.set(now ? 1 : 0);
          if (now) metrics.connections.add(1);
        },
        welcomed: (membership) => metrics.setMembership(membership),
        shard: ({ tokens, supervisedTokens, seconds }) => {
          metrics.shards.add(1);
          metrics.shardDuration.observe(seconds);
          metrics.tokens.add(tokens, { kind: "all" });
          metrics.tokens.add(supervisedTokens, { kind: "supervised" });
        },
        activity: (activity) => metrics.setActivity(activity),
        applied: (step) => metrics.step.set(step),
        committed: (seconds) => metrics.applyDuration.observe(seconds),
        moved: (bytes, direction) => metrics.allReduceBytes.add(bytes, { direction }),
      },
      clock: systemClock,
      signal: leaving.signal,
    });
    // Who starts workers (a Job of Kubernetes, say) learns from it whether there is work left for another one.
    if (end === "interrupted") process.exitCode = 130;
    else if (flags.stay === true && !leaving.signal.aborted) {
      over = true;
      logger.info("the run is complete; this stays until SIGTERM");
      await once(leaving.signal, "abort");
    }
  } finally {
    interruption.close();
    slowPath();
    await telemetry?.close();
    await coordinator.close();
    log.close();
  }
}

/**
 * A signal to end, or a log that nobody reads any more, hands over what is computed, then leaves; a second signal ends the
 * process immediately. A worker that `train` started leaves Ctrl-C and hang-ups to its parent, whose end is its own
 * (parent.ts): it is told to leave by SIGTERM alone.
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
