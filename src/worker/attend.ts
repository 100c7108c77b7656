/** Takes part in a run until it is over: connects, reconnects with back-off when the coordinator is lost. */
import { nextWait, pause } from "../async/index.js";
import type { Clock } from "../clock.js";
import { CoxswainError } from "../errors.js";
import type { Logger } from "../telemetry/index.js";
import type { MembershipEnd } from "./machine/index.js";
import { Membership } from "./membership/membership.js";
import type { Identity } from "./membership/membership.js";
import type { ModelSource } from "./model/model-loader.js";
import type { WorkerObserver } from "./observer.js";
import type { CoordinatorConnection, WorkerTransport } from "./transport.js";

export interface AttendOptions {
  readonly transport: WorkerTransport;
  readonly models: ModelSource;
  /** Creates the identity of each membership. */
  readonly identity: () => Identity;
  /** Host at which the coordinator reaches this worker's own server, if it differs from the address it sees. */
  readonly advertiseHost: string | undefined;
  /** How long to try to reach a coordinator, ms; undefined: the run's setting; five minutes for the first connection. */
  readonly reconnectTimeout: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: WorkerObserver;
  /** Makes the worker deliver its results, say goodbye and end. */
  readonly signal: AbortSignal;
}

/**
 * Why a worker ended without an error: the run is complete ("completed"), or the worker was told to leave or the run was
 * stopped ("interrupted").
 */
export type WorkerEnd = "completed" | "interrupted";

/** How long one attempt to connect may take, ms. */
const attemptTimeout = 5_000;

/** How long to try to reach a coordinator before the first welcome, ms. */
const firstReconnectTimeout = 300_000;

/** Delays between attempts, ms: doubling from the first to the last. */
const backOff = { first: 200, last: 5_000 };

/**
 * Resolves when the run is over or the signal is aborted.
 * @throws CoxswainError "cluster" if the worker is refused (immediately, or for `reconnectTimeout` if it took part in the
 *   run before) or a certificate is not accepted; "network" if no coordinator is reached for `reconnectTimeout`
 */
export async function attendRun(options: AttendOptions): Promise<WorkerEnd> {
  const { logger, signal, clock } = options;
  const { coordinator } = options.transport;
  let lastContact = clock.now();
  let wait = backOff.first;
  let welcome = false;
  let timeout = options.reconnectTimeout ?? firstReconnectTimeout;
  const leaving = (): boolean => signal.aborted;
  while (!leaving()) {
    const end = await attendOnce(options);
    if (end.kind === "failed") throw end.error;
    if (end.kind === "finished") {
      logger.info({ reason: end.reason }, "the run is over");
      return end.completed ? "completed" : "interrupted";
    }
    if (leaving()) return "interrupted";
    // A worker that was accepted before tries again: the coordinator may be restarting, or its request was damaged.
    const refused = end.kind === "refused";
    if (refused && !welcome) throw refusal(coordinator, end.reason);
    welcome ||= end.reconnectTimeout !== undefined;
    if (end.tookPart && !refused) {
      lastContact = clock.now();
      wait = backOff.first;
    }
    timeout = options.reconnectTimeout ?? end.reconnectTimeout ?? timeout;
    const late = clock.now() - lastContact > timeout;
    if (late && refused) throw refusal(coordinator, end.reason);
    if (late)
      throw new CoxswainError("network", `no coordinator at ${coordinator}: ${end.reason}`, {
        hint:
          end.hint ??
          "Start it with `coxswain coordinator run.yaml --listen HOST:PORT`, check the address and the firewall, or wait longer with --reconnect-timeout.",
      });
    const { reason, hint } = end;
    const what = refused
      ? "the coordinator refused this worker; trying again"
      : "no connection to the coordinator; trying again";
    logger.warn({ coordinator, reason, hint, retryMs: wait }, what);
    await pause(wait, signal, clock);
    wait = nextWait(wait, backOff);
  }
  return "interrupted";
}

type Ended = MembershipEnd & {
  /** The coordinator had use for this worker. Otherwise it counts as not reached, although something answered there. */
  readonly tookPart: boolean;
  readonly hint?: string | undefined;
  /** The run's setting, ms. */
  readonly reconnectTimeout?: number | undefined;
};

async function attendOnce(options: AttendOptions): Promise<Ended> {
  const { transport, reconnectTimeout, signal } = options;
  const attempt = await transport.connect(Math.min(attemptTimeout, (reconnectTimeout ?? Infinity) / 3), signal);
  if (attempt.kind === "failed") {
    const { reason, hint, final } = attempt;
    if (final)
      throw new CoxswainError(
        "cluster",
        `no connection to ${transport.coordinator}: ${reason}`,
        hint === undefined ? {} : { hint },
      );
    return { kind: "lost", tookPart: false, reason, hint };
  }
  try {
    return await attendOver(attempt.connection, options);
  } finally {
    await attempt.connection.close();
  }
}

async function attendOver(connection: CoordinatorConnection, options: AttendOptions): Promise<Ended> {
  const { signal, observer, identity, clock } = options;
  const start = clock.now();
  // The signal may be aborted while connecting, and fires only once.
  if (signal.aborted) return { kind: "lost", tookPart: false, reason: "told to leave" };
  observer.connected(true);
  const membership = new Membership({ ...options, connection, identity: identity() });
  const leave = (): void => membership.drain(String(signal.reason ?? "stopped"));
  signal.addEventListener("abort", leave, { once: true });
  try {
    const end = await membership.run();
    const { holdsReplica, reconnectTimeout } = membership;
    // A model may take long to arrive.
    const tookPart = holdsReplica || (reconnectTimeout !== undefined && clock.now() - start > backOff.last);
    return { ...end, tookPart, reconnectTimeout };
  } finally {
    signal.removeEventListener("abort", leave);
    observer.connected(false);
    observer.activity("connecting");
  }
}

const refusal = (coordinator: string, reason: string): CoxswainError =>
  new CoxswainError("cluster", `${coordinator} refused this worker: ${reason}`, {
    hint: "Correct what the message says; both sides need the same version of Coxswain and the run's token.",
  });
