/** Connects to a worker's own server over gRPC. */
import { Metadata } from "@grpc/grpc-js";
import { CoxswainError } from "../../../errors.js";
import {
  WorkerConnection,
  bulkDeadline,
  metadataKeys,
  proxyTrouble,
  receiveReplica,
  replicaLength,
  routeToText,
  withToken,
  workerClient,
} from "../../../rpc/index.js";
import type { ProxyUse, Route } from "../../../rpc/index.js";
import type { Clock } from "../../../clock.js";
import type { ConnectToWorker, WorkerServer } from "../transport.js";

/** Time after which a worker's own server that does not answer is considered unreachable, ms. */
const reachTimeout = 3_000;

export interface WorkerServersOptions {
  /** Whether a server without TLS is accepted. */
  readonly inTheClear: boolean;
  /** Whether to connect through the proxy configured in the environment. */
  readonly proxy: ProxyUse;
  /** Welcome.run_id: a worker answers callers of its run. */
  readonly runId: string;
  readonly clock: Clock;
}

export function connectOverGrpc({ inTheClear, proxy, runId, clock }: WorkerServersOptions): ConnectToWorker {
  return ({ address, key, certificate }) => {
    if (certificate.length === 0 && !inTheClear) return `${address} has no TLS`;
    const route = routeOrReason(address, proxy);
    if (typeof route === "string") return route;
    const metadata = withToken(key, new Metadata());
    metadata.set(metadataKeys.run, runId);
    const connection = new WorkerConnection(() => workerClient(route, certificate), metadata);
    return serverOver(connection, { address, route, clock });
  };
}

function serverOver(
  connection: WorkerConnection,
  { address, route, clock }: { readonly address: string; readonly route: Route; readonly clock: Clock },
): WorkerServer {
  return {
    reached: async () => {
      const failed = await new Promise<boolean>((resolve) => {
        connection.client.waitForReady(clock.wallClock() + reachTimeout, (error) => resolve(error !== undefined));
      });
      return failed ? ((await proxyTrouble(route))?.reason ?? `${address} does not answer`) : undefined;
    },
    pull: (wanted, into, dtype) => connection.pull(wanted, into, dtype),
    pullReplica: (size) => {
      const deadline = bulkDeadline(replicaLength(size));
      return connection.call((client, metadata) =>
        receiveReplica(client.pullReplica({}, metadata, { deadline }), size),
      );
    },
    close: () => connection.close(),
  };
}

/** A worker that calls from a link-local address has an address that cannot be connected to. */
function routeOrReason(address: string, proxy: ProxyUse): Route | string {
  try {
    return routeToText(address, proxy);
  } catch (error) {
    if (error instanceof CoxswainError) return error.message;
    throw error;
  }
}
