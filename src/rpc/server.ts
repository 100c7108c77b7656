/** A gRPC server with health service and reflection, that is listening or says why not. */
import { Server, ServerInterceptingCall, status } from "@grpc/grpc-js";
import type {
  ServerCredentials,
  ServerInterceptor,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { formatAddress } from "../config/index.js";
import { CoxswainError, messageOf } from "../errors.js";
import { serverOptions } from "./options.js";
import { packageDefinition } from "./proto.js";

export interface RunningServer {
  readonly host: string;
  /** The port it really has (0 asked for a free one). */
  readonly port: number;
  /** What the health service says of the whole server and of its one service. */
  setServing(serving: boolean): void;
  /** Ends calls under way after `grace` ms. */
  close(grace?: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: ServerCredentials;
  /** Full name of the service, such as "coxswain.v1.Coordinator". */
  readonly name: string;
  readonly service: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
  /** The key or flag that the address came from, for the message when the port is taken. */
  readonly addressKey: string;
  /** Sees every call that ends: full method name, status code as gRPC spells it. */
  readonly onHandled?: (method: string, code: string) => void;
}

/** @throws CoxswainError "network" when the address cannot be listened on */
export async function listen(options: ListenOptions): Promise<RunningServer> {
  const { onHandled } = options;
  const interceptors = onHandled === undefined ? [] : [countHandled(onHandled)];
  const server = new Server({ ...serverOptions, interceptors });
  server.addService(options.service, options.handlers);
  const health = new HealthImplementation({ "": "NOT_SERVING", [options.name]: "NOT_SERVING" });
  health.addToServer(server);
  new ReflectionService(packageDefinition).addToServer(server);
  const port = await bind(server, options);
  const setServing = (serving: boolean): void => {
    for (const name of ["", options.name]) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  };
  setServing(true);
  return { host: options.host, port, setServing, close: (grace = 500) => shutDown(server, grace) };
}

/** Reports the status of every call, also of those that gRPC itself refuses. */
function countHandled(onHandled: (method: string, code: string) => void): ServerInterceptor {
  return (method, call) =>
    new ServerInterceptingCall(call, {
      sendStatus: (sent, next) => {
        onHandled(method.path.slice(1), status[sent.code]);
        next(sent);
      },
    });
}

function bind(server: Server, { host, port, credentials, addressKey }: ListenOptions): Promise<number> {
  const address = formatAddress({ host, port });
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) {
        resolve(bound);
        return;
      }
      const taken = messageOf(error).includes("EADDRINUSE");
      const message = taken
        ? `${addressKey}: the port of ${address} is in use`
        : `${addressKey}: cannot listen on ${address}: ${messageOf(error)}`;
      const hint = taken
        ? "Stop what uses it, or choose another port (0 takes a free one)."
        : "Use an address of this machine.";
      reject(new CoxswainError("network", message, { hint, cause: error }));
    });
  });
}

function shutDown(server: Server, grace: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, grace);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
