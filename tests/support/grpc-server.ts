/** A bare gRPC server on loopback, whose calls a test handles as it likes. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

/** @returns the server, which the caller shuts down, and "127.0.0.1:PORT" */
export async function startBareServer(
  service: ServiceDefinition,
  handlers: object,
): Promise<{ server: Server; address: string }> {
  const server = new Server();
  server.addService(service, handlers as UntypedServiceImplementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { server, address: `127.0.0.1:${port}` };
}

/** All of the coordinator's calls with the same handler. */
export const everyCoordinatorCall = <Handler>(handler: Handler) => ({
  Attend: handler,
  PullReduced: handler,
  PullReplica: handler,
  PullModelFile: handler,
  PushContribution: handler,
  PushReplica: handler,
});
