/**
 * Holds a coordinator's port while it starts: the port is bound before any slow work, and handed to the server once
 * that is ready. Until then, health checks are answered with NOT_SERVING, and every call with UNAVAILABLE.
 */
import { Server, status } from "@grpc/grpc-js";
import type { ServerCredentials, UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Socket } from "node:net";
import { openFilesLimit } from "../host/index.js";
import { ConnectionGuard } from "./guard.js";
import { guardLimits, withinOpenFiles } from "./guard-limits.js";
import { watchStreams } from "./http2-streams.js";
import { serverOptions } from "./options.js";
import type { ServedService } from "./served-service.js";
import { listenOn, listenTrouble } from "./sockets.js";
import type { ListeningSockets } from "./sockets.js";

export interface HeldPort {
  readonly host: string;
  /** The actual port (if port 0 was requested, the one assigned). */
  readonly port: number;
  /** Passes new connections to another handler; open ones are closed. */
  handOver(onConnection: (socket: Socket) => void): ListeningSockets;
  /** Releases the port if it was not handed over. */
  close(): void;
}

export interface HoldPortOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: ServerCredentials;
  /** The key or flag that set the address, for messages. */
  readonly addressKey: string;
  /** The services that will be served. */
  readonly services: readonly Pick<ServedService, "name" | "definition">[];
}

/** @throws CoxswainError "network" if it cannot listen on the address */
export async function holdPort(options: HoldPortOptions): Promise<HeldPort> {
  const { host, port, credentials, services, addressKey } = options;
  const server = new Server(serverOptions);
  for (const { definition } of services) server.addService(definition, tryAgain(Object.keys(definition)));
  const names = ["", ...services.map(({ name }) => name)];
  new HealthImplementation(Object.fromEntries(names.map((name) => [name, "NOT_SERVING"]))).addToServer(server);
  const injector = server.createConnectionInjector(credentials);
  const guard = new ConnectionGuard(withinOpenFiles(guardLimits, openFilesLimit()));
  // Every call is refused, and nobody can present the token yet: an honest worker calls once per connection.
  watchStreams(server, (peer) => guard.calls(peer));
  let accept = (socket: Socket): void => {
    if (guard.accept(socket)) injector.injectConnection(socket);
  };
  const sockets = await listenOn(host, port, (socket) => accept(socket)).catch((error: unknown) => {
    throw listenTrouble(error, { host, port }, addressKey);
  });
  const end = (): void => {
    server.forceShutdown();
    guard.close();
  };
  return {
    host,
    port: sockets.port,
    handOver: (onConnection) => {
      accept = onConnection;
      end();
      return sockets;
    },
    close: () => {
      sockets.close();
      end();
    },
  };
}

interface AnyCall {
  emit(event: "error", error: object): unknown;
}

const starting = {
  code: status.UNAVAILABLE,
  details: "the coordinator is starting: it is still reading the model and the data",
};

/** Refuses any kind of call: unary ones have a callback. */
const tryAgain = (methods: readonly string[]): UntypedServiceImplementation =>
  Object.fromEntries(
    methods.map((method) => [
      method,
      (call: AnyCall, answer?: (error: object) => void) => {
        if (answer === undefined) call.emit("error", starting);
        else answer(starting);
      },
    ]),
  );
