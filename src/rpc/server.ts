/** A gRPC server with health service and reflection. */
import { Server } from "@grpc/grpc-js";
import type { ConnectionInjector, ServerCredentials } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Socket } from "node:net";
import { detach } from "../async/index.js";
import { admission } from "./admission.js";
import { openFilesLimit } from "../host/index.js";
import { ConnectionGuard } from "./guard.js";
import type { TurnedAway } from "./guard.js";
import { guardLimits, withinOpenFiles } from "./guard-limits.js";
import type { GuardLimits } from "./guard-limits.js";
import type { HeldPort } from "./held-port.js";
import { watchStreams } from "./http2-streams.js";
import { serverOptions } from "./options.js";
import { paced } from "./paced.js";
import { describedProtocol } from "./proto.js";
import type { ServedService } from "./served-service.js";
import { listenOn, listenTrouble } from "./sockets.js";
import type { ListeningSockets } from "./sockets.js";

export interface RunningServer {
  readonly host: string;
  /** The actual port (if port 0 was requested, the one assigned). */
  readonly port: number;
  /** Sets the health of the whole server and of each service. */
  setServing(serving: boolean): void;
  /** Cancels calls in progress after `grace` ms. */
  close(grace?: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: ServerCredentials;
  /** The token that callers must send; null: no token is required. The health service never requires it. */
  readonly token: string | null;
  /** The status details for a caller that does not send it. */
  readonly refusal: string;
  /** Maximum size of a received message, bytes. */
  readonly largestMessage: number;
  /** Limits of unauthenticated callers. Default: `guardLimits`. */
  readonly limits?: GuardLimits;
  readonly services: readonly ServedService[];
  /** The key or flag that set the address, for the message when the port is in use. */
  readonly addressKey: string;
  /** The port, if it is already bound. */
  readonly held?: HeldPort;
  /**
   * Files of the protocol that server reflection describes, to callers that send the token; takes 0.1 s to prepare.
   * Omitted, or without a token: no reflection.
   */
  readonly reflection?: readonly string[];
  /** Called when a call ends, with the full method name and the gRPC name of the status code. */
  readonly onHandled?: (method: string, code: string) => void;
  /** Called when a connection or a call of an unauthenticated caller is turned away. */
  readonly onTurnedAway?: (why: TurnedAway) => void;
}

/** @throws CoxswainError "network" if it cannot listen on the address */
export async function listen(options: ListenOptions): Promise<RunningServer> {
  const { services, token, refusal, largestMessage, limits = guardLimits, onHandled = () => undefined } = options;
  const names = services.map(({ name }) => name);
  const guard = new ConnectionGuard(withinOpenFiles(limits, openFilesLimit()), undefined, options.onTurnedAway);
  const server = new Server({
    ...serverOptions,
    "grpc.max_receive_message_length": largestMessage,
    interceptors: [paced(), admission({ token, refusal, guard, onHandled })],
  });
  for (const { definition, handlers } of services) server.addService(definition, handlers);
  const health = new HealthImplementation(Object.fromEntries(["", ...names].map((name) => [name, "NOT_SERVING"])));
  health.addToServer(server);
  if (options.reflection !== undefined && token !== null) {
    const { ReflectionService } = await import("@grpc/reflection");
    // Loaded together: reflection would describe only the first of two packages with the same name.
    new ReflectionService(describedProtocol(options.reflection)).addToServer(server);
  }
  const injector = server.createConnectionInjector(options.credentials);
  watchStreams(server, (peer, isCall) => {
    if (guard.calls(peer) && !isCall) guard.refuse(peer);
  });
  const sockets = await bind(injector, guard, options);
  const setServing = (serving: boolean): void => {
    for (const name of ["", ...names]) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  };
  setServing(true);
  const close = async (grace = 500): Promise<void> => {
    sockets.close();
    await shutDown(server, sockets, grace);
    guard.close();
  };
  return { host: options.host, port: sockets.port, setServing, close };
}

/** We accept sockets ourselves, so that a connection can be refused before gRPC does any work for it. */
async function bind(
  injector: ConnectionInjector,
  guard: ConnectionGuard,
  { host, port, addressKey, held }: ListenOptions,
): Promise<ListeningSockets> {
  const accept = (socket: Socket): void => {
    if (guard.accept(socket)) injector.injectConnection(socket);
  };
  if (held !== undefined) return held.handOver(accept);
  try {
    return await listenOn(host, port, accept);
  } catch (error) {
    throw listenTrouble(error, { host, port }, addressKey);
  }
}

/**
 * From Node.js 24, `tryShutdown` calls back while calls are in progress, so we also wait until all sockets are closed.
 */
function shutDown(server: Server, sockets: ListeningSockets, grace: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, grace);
    server.tryShutdown(() => undefined);
    const emptied = sockets.emptied().then(() => {
      clearTimeout(force);
      resolve();
    });
    // It is then shut down forcibly.
    detach(emptied, () => undefined);
  });
}
