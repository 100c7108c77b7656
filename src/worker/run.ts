/** The worker process: connects, takes part, reconnects with back-off when the coordinator is lost, ends when told. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ChannelCredentials, ChannelOptions } from "@grpc/grpc-js";
import { nextWait, pause } from "../async/index.js";
import type { Device } from "../compute/index.js";
import { parseAddress } from "../config/index.js";
import type { Address } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import {
  CoordinatorClient,
  bulkChannelOptions,
  clientCredentials,
  controlChannelOptions,
  routeTo,
  whyUnreachable,
} from "../rpc/index.js";
import type { ClientTls, CoordinatorStub, ProxyUse, Route } from "../rpc/index.js";
import type { Logger, WorkerActivity, WorkerMembership } from "../telemetry/index.js";
import { version } from "../version.js";
import type { ShardMeasurement } from "./compute.js";
import { DataServers } from "./data-servers.js";
import { ModelLoader } from "./model.js";
import { Session } from "./session.js";
import type { SessionEnd, SessionParts } from "./session.js";

export interface WorkerObserver {
  /** Connected to a coordinator, or not. */
  connected(connected: boolean): void;
  /** A run took it in. */
  welcomed(membership: WorkerMembership): void;
  activity(activity: WorkerActivity): void;
  shard(shard: ShardMeasurement): void;
  /** The replica is at this step. */
  applied(step: number): void;
  /** A commit was applied in so many seconds, the waiting for its gradient left out. */
  committed(seconds: number): void;
  /** So many bytes of gradients came to this worker, or left it. */
  moved(bytes: number, direction: "received" | "sent"): void;
}

/** Where a worker finds its coordinator: asked before every attempt to connect. */
export interface CoordinatorLocator {
  /** For messages. */
  readonly name: string;
  /** @throws CoxswainError: "network" where it is not known now, which is worth trying again */
  locate(): Promise<Address>;
}

export interface WorkerOptions {
  readonly coordinator: CoordinatorLocator;
  readonly token: string | null;
  readonly tls: ClientTls | undefined;
  /** How the coordinator and the other workers are reached; undefined: directly, and the others as the run says. */
  readonly proxy: ProxyUse | undefined;
  /** HOST:PORT of this worker's own server; "none" starts none: contributions are then pushed. */
  readonly listen: string | undefined;
  /** Host under which the coordinator reaches that server, where it is not the address it sees. */
  readonly advertiseHost: string | undefined;
  /** A folder that should hold the model; refused when its content is another. */
  readonly modelFolder: string | undefined;
  /** In place of the run's `compute.device`. */
  readonly device: Device | "auto" | undefined;
  /** How long to go on trying to reach a coordinator, ms; undefined: what the run says, and five minutes for the first. */
  readonly reconnectTimeout: number | undefined;
  readonly logger: Logger;
  readonly observer: WorkerObserver;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Leave: say goodbye and end. */
  readonly signal: AbortSignal;
}

/** A coordinator that stays where it is. @throws CoxswainError "config" for what is no address */
export function fixedCoordinator(text: string): CoordinatorLocator {
  const address = parseAddress(text, { name: "--coordinator" });
  return { name: text, locate: () => Promise.resolve(address) };
}

/** How long one attempt to connect may take, ms. */
const attemptTimeout = 5_000;

/** How long to try to reach a coordinator of which nothing is known yet, ms. */
const firstReconnectTimeout = 300_000;

/** Waits between attempts, ms: doubling from the first to the last. */
const backOff = { first: 200, last: 5_000 };

/**
 * Why a worker that nothing went wrong with is not needed any more: the run is complete; or it is not, and this worker was
 * told to leave, or the run stopped short.
 */
export type WorkerEnd = "completed" | "interrupted";

/**
 * Resolves when the run is over or the signal says to leave.
 * @throws CoxswainError "cluster" when refused, at once or, by a run that it took part in, for `reconnectTimeout`, and when
 *   a certificate is not accepted; "network" when no coordinator is reached for `reconnectTimeout`
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerEnd> {
  const credentials = await clientCredentials(options.tls);
  const loader = new ModelLoader(options);
  const dataServers = new DataServers(options);
  const parts: Parts = { credentials, loader, dataServers };
  try {
    return await attendUntilOver(parts, options);
  } finally {
    options.observer.connected(false);
    await loader.close();
    await dataServers.close();
  }
}

interface Parts {
  readonly credentials: ChannelCredentials;
  readonly loader: ModelLoader;
  readonly dataServers: DataServers;
}

async function attendUntilOver(parts: Parts, options: WorkerOptions): Promise<WorkerEnd> {
  const { logger, signal } = options;
  const coordinator = options.coordinator.name;
  let lastContact = options.now();
  let wait = backOff.first;
  let welcome = false;
  let timeout = options.reconnectTimeout ?? firstReconnectTimeout;
  const leaving = (): boolean => signal.aborted;
  while (!leaving()) {
    const end = await attendOnce(parts, options);
    if (end.kind === "finished") {
      logger.info({ reason: end.reason }, "the run is over");
      return end.completed ? "completed" : "interrupted";
    }
    if (leaving()) return "interrupted";
    // Once it was welcome, it may be so again: a coordinator is being replaced, or something damaged what it was shown.
    const refused = end.kind === "refused";
    if (refused && !welcome) throw refusal(coordinator, end.reason);
    welcome ||= end.reconnectTimeout !== undefined;
    if (end.connected && !refused) {
      lastContact = options.now();
      wait = backOff.first;
    }
    timeout = options.reconnectTimeout ?? end.reconnectTimeout ?? timeout;
    const late = options.now() - lastContact > timeout;
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
    await pause(wait, signal);
    wait = nextWait(wait, backOff);
  }
  return "interrupted";
}

type Attempt = SessionEnd & {
  readonly connected: boolean;
  readonly hint?: string;
  /** What the run says, ms. */
  readonly reconnectTimeout?: number | undefined;
};

/** Every attempt has connections of its own: one that hangs would look ready to all that come after it. */
async function attendOnce(parts: Parts, options: WorkerOptions): Promise<Attempt> {
  const found = await locate(options.coordinator);
  if ("reason" in found) return { kind: "lost", connected: false, ...found };
  const dataServer = await parts.dataServers.reachableFrom(found.host);
  const route = routeTo(found, options.proxy ?? "none");
  const connect = (channelOptions: ChannelOptions): CoordinatorStub =>
    new CoordinatorClient(route.connectTo, parts.credentials, { ...channelOptions, ...route.options });
  const client = connect(controlChannelOptions);
  const bulkClient = connect(bulkChannelOptions);
  try {
    return await attend({ client, bulkClient, loader: parts.loader, dataServer }, route, options);
  } finally {
    client.close();
    bulkClient.close();
  }
}

async function locate(coordinator: CoordinatorLocator): Promise<Address | { reason: string; hint?: string }> {
  try {
    return await coordinator.locate();
  } catch (error) {
    if (!(error instanceof CoxswainError) || error.code !== "network") throw error;
    return { reason: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
}

async function attend(
  connection: Pick<SessionParts, "client" | "bulkClient" | "loader" | "dataServer">,
  route: Route,
  options: WorkerOptions,
): Promise<Attempt> {
  const patience = Math.min(attemptTimeout, (options.reconnectTimeout ?? Infinity) / 3);
  if (!(await isReady(connection.client, patience))) {
    const { final, ...why } = await whyUnreachable(connection.client, route, options.tls);
    if (final) throw certificateTrouble(options.coordinator.name, why);
    return { kind: "lost", connected: false, ...why };
  }
  // Told to leave while it was connecting: nobody will tell it again.
  if (options.signal.aborted) return { kind: "lost", connected: false, reason: "told to leave" };
  const host = hostname();
  const id = `${host}-${process.pid}-${randomBytes(3).toString("hex")}`;
  options.observer.connected(true);
  const session = new Session(
    { ...connection, identity: { id, host, pid: process.pid }, softwareVersion: version },
    options,
  );
  const leave = (): void => session.drain(String(options.signal.reason ?? "stopped"));
  options.signal.addEventListener("abort", leave, { once: true });
  try {
    const end = await session.run();
    return { ...end, connected: true, reconnectTimeout: session.reconnectTimeout };
  } finally {
    options.signal.removeEventListener("abort", leave);
    options.observer.connected(false);
    options.observer.activity("connecting");
  }
}

const refusal = (coordinator: string, reason: string): CoxswainError =>
  new CoxswainError("cluster", `${coordinator} refused this worker: ${reason}`, {
    hint: "Do as it says; both sides need the same version of Coxswain and the run's token.",
  });

function certificateTrouble(coordinator: string, { reason, hint }: { reason: string; hint?: string }): CoxswainError {
  return new CoxswainError("cluster", `no connection to ${coordinator}: ${reason}`, hint === undefined ? {} : { hint });
}

function isReady(client: CoordinatorStub, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    client.waitForReady(Date.now() + timeout, (error) => resolve(error === undefined));
  });
}
