/** A gRPC server with health service and reflection, that is listening or says why not. */
import { Server } from "@grpc/grpc-js";
import type { ServerCredentials } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Socket } from "node:net";
import { detach } from "../async/index.js";
import { admission } from "./admission.js";
import { ConnectionGuard, guardLimits } from "./guard.js";
import type { GuardLimits } from "./guard.js";
import type { HeldPort } from "./held-port.js";
import { serverOptions } from "./options.js";
import { describedProtocol } from "./proto.js";
import type { ServedService } from "./served-service.js";
import { listenOn, listenTrouble } from "./sockets.js";
import type { ListeningSockets } from "./sockets.js";

export interface RunningServer {
  readonly host: string;
  /** The port it really has (0 asked for a free one). */
  readonly port: number;
  /** What the health service says of the whole server and of each service. */
  setServing(serving: boolean): void;
  /** Ends calls under way after `grace` ms. */
  close(grace?: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: ServerCredentials;
  /** What callers must show; null asks for nothing. The health service is open to all. */
  readonly token: string | null;
  /** What a caller is told who does not show it. */
  readonly refusal: string;
  /** Bytes of the largest message that a caller may send. */
  readonly largestMessage: number;
  /** What strangers may do. Default: `guardLimits`. */
  readonly limits?: GuardLimits;
  readonly services: readonly ServedService[];
  /** The key or flag that the address came from, for the message when the port is taken. */
  readonly addressKey: string;
  /** The port, where it was taken before. */
  readonly held?: HeldPort;
  /**
   * Files of the protocol that server reflection describes, to callers who show the token; takes a tenth of a second to
   * prepare. Omitted: no reflection.
   */
  readonly reflection?: readonly string[];
  /** Sees every call that ends: full method name, status code as gRPC spells it. */
  readonly onHandled?: (method: string, code: string) => void;
}

/** @throws CoxswainError "network" when the address cannot be listened on */
export async function listen(options: ListenOptions): Promise<RunningServer> {
  const { services, token, refusal, largestMessage, limits = guardLimits, onHandled = () => undefined } = options;
  const names = services.map(({ name }) => name);
  const guard = new ConnectionGuard(limits);
  const server = new Server({
    ...serverOptions,
    "grpc.max_receive_message_length": largestMessage,
    interceptors: [admission({ token, refusal, guard, onHandled })],
  });
  for (const { definition, handlers } of services) server.addService(definition, handlers);
  const health = new HealthImplementation(Object.fromEntries(["", ...names].map((name) => [name, "NOT_SERVING"])));
  health.addToServer(server);
  if (options.reflection !== undefined) {
    const { ReflectionService } = await import("@grpc/reflection");
    // Loaded together: of two packages of one name it would tell the first.
    new ReflectionService(describedProtocol(options.reflection)).addToServer(server);
  }
  const sockets = await bind(server, guard, options);
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

/** Sockets are ours, not gRPC's, so that a connection can be turned away before any work is done for it. */
async function bind(
  server: Server,
  guard: ConnectionGuard,
  { host, port, credentials, addressKey, held }: ListenOptions,
): Promise<ListeningSockets> {
  const injector = server.createConnectionInjector(credentials);
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

/** From Node.js 24 on, `tryShutdown` calls back while calls are still under way: open sockets tell whether there are any. */
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
    // It is shut down by force then.
    detach(emptied, () => undefined);
  });
}
