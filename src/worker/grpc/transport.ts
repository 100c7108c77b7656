/** The transport over gRPC: finds the coordinator, connects, and explains failures to the user. */
import { Metadata } from "@grpc/grpc-js";
import type { ChannelCredentials, ChannelOptions } from "@grpc/grpc-js";
import type { Clock } from "../../clock.js";
import type { Address } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import {
  CoordinatorClient,
  bulkChannelOptions,
  clientCredentials,
  controlChannelOptions,
  metadataKeys,
  routeTo,
  whyUnreachable,
  withToken,
} from "../../rpc/index.js";
import type { ClientTls, CoordinatorStub, ProxyUse, Route } from "../../rpc/index.js";
import type {
  Attempt,
  ControlCall,
  ControlListener,
  CoordinatorConnection,
  DataServer,
  Member,
  MemberCalls,
  Trouble,
  WorkerTransport,
} from "../transport.js";
import { attend } from "./control-call.js";
import { GrpcCoordinatorCalls } from "./coordinator-calls.js";
import { DataServers } from "./data-servers.js";
import type { CoordinatorLocator } from "./locator.js";
import { Peers } from "./peers.js";

export interface GrpcTransportOptions {
  readonly coordinator: CoordinatorLocator;
  readonly token: string | null;
  readonly tls: ClientTls | undefined;
  /** How the coordinator and the other workers are reached; undefined: directly, and the others as the run says. */
  readonly proxy: ProxyUse | undefined;
  /** HOST:PORT of this worker's own server; "none" starts none: contributions are then pushed. */
  readonly listen: string | undefined;
  readonly clock: Clock;
}

export class GrpcTransport implements WorkerTransport {
  readonly #options: GrpcTransportOptions;
  readonly #credentials: ChannelCredentials;
  readonly #dataServers: DataServers;

  private constructor(options: GrpcTransportOptions, credentials: ChannelCredentials) {
    this.#options = options;
    this.#credentials = credentials;
    this.#dataServers = new DataServers(options);
  }

  /** @throws CoxswainError "config" for certificates that cannot be used */
  static async open(options: GrpcTransportOptions): Promise<GrpcTransport> {
    return new GrpcTransport(options, await clientCredentials(options.tls));
  }

  get coordinator(): string {
    return this.#options.coordinator.name;
  }

  async connect(timeout: number, signal: AbortSignal): Promise<Attempt> {
    const { coordinator, proxy, tls, clock } = this.#options;
    const found = await locate(coordinator);
    if ("reason" in found) return { kind: "failed", ...found };
    const dataServer = await this.#dataServers.reachableFrom(found.host);
    const route = routeTo(found, proxy ?? "none");
    const connection = new GrpcConnection(this.#options, this.#credentials, route, dataServer);
    if (await isReady(connection.client, clock.wallClock() + timeout, clock, signal))
      return { kind: "connected", connection };
    try {
      if (signal.aborted) return { kind: "failed", reason: "told to leave", final: false };
      return { kind: "failed", ...(await whyUnreachable(connection.client, route, tls)) };
    } finally {
      await connection.close();
    }
  }

  close(): Promise<void> {
    return this.#dataServers.close();
  }
}

/** Connections that are not shared: a hanging one would otherwise appear ready to later attempts. */
class GrpcConnection implements CoordinatorConnection {
  /** For the control stream. */
  readonly client: CoordinatorStub;
  readonly dataServer: DataServer | undefined;
  readonly #options: Pick<GrpcTransportOptions, "token" | "proxy">;
  readonly #bulkClient: CoordinatorStub;
  #calls: { readonly coordinator: GrpcCoordinatorCalls; readonly peers: Peers } | undefined;

  constructor(
    options: Pick<GrpcTransportOptions, "token" | "proxy">,
    credentials: ChannelCredentials,
    route: Route,
    dataServer: DataServer | undefined,
  ) {
    const connect = (channelOptions: ChannelOptions): CoordinatorStub =>
      new CoordinatorClient(route.connectTo, credentials, { ...channelOptions, ...route.options });
    this.#options = options;
    this.dataServer = dataServer;
    this.client = connect(controlChannelOptions);
    this.#bulkClient = connect(bulkChannelOptions);
  }

  attend(listener: ControlListener): ControlCall {
    return attend(this.client, withToken(this.#options.token), listener);
  }

  callsOf({ runId, workerId, sessionKey, dtype, proxy }: Member): MemberCalls {
    const metadata = withToken(this.#options.token, new Metadata());
    metadata.set(metadataKeys.run, runId);
    metadata.set(metadataKeys.worker, workerId);
    metadata.set(metadataKeys.session, sessionKey);
    this.#calls = {
      coordinator: new GrpcCoordinatorCalls(this.#bulkClient, metadata, dtype),
      peers: new Peers(runId, dtype, this.#options.proxy ?? proxy),
    };
    return this.#calls;
  }

  async close(): Promise<void> {
    this.#calls?.peers.close();
    await this.#calls?.coordinator.close();
    this.client.close();
    this.#bulkClient.close();
  }
}

async function locate(coordinator: CoordinatorLocator): Promise<Address | Trouble> {
  try {
    return await coordinator.locate();
  } catch (error) {
    if (!(error instanceof CoxswainError) || error.code !== "network") throw error;
    return { reason: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }), final: false };
  }
}

/** So long a signal to leave may take to be seen, ms. */
const shortWait = 200;

/** gRPC's wait keeps the process alive to its end, whatever becomes of the client: it is made of short ones. */
async function isReady(client: CoordinatorStub, deadline: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted && clock.wallClock() < deadline) {
    const until = Math.min(deadline, clock.wallClock() + shortWait);
    const ready = await new Promise<boolean>((resolve) => {
      client.waitForReady(until, (error) => resolve(error === undefined));
    });
    if (ready) return true;
  }
  return false;
}
