/** A client of a worker's own server, for the coordinator and the other workers. */
import { bulkChannelOptions } from "./options.js";
import { WorkerClient } from "./proto.js";
import type { Route } from "./route.js";
import { pinnedCredentials } from "./security.js";
import type { WorkerStub } from "./types.js";

/**
 * Connects on first use.
 * @param certificate Join.data_certificate: empty where the server has no TLS
 */
export function workerClient(route: Route, certificate: Uint8Array): WorkerStub {
  const credentials = pinnedCredentials(certificate);
  // The certificate contains no name. An IP address would be sent as the server name, which TLS does not allow.
  const name = certificate.length === 0 ? {} : { "grpc.ssl_target_name_override": "coxswain-worker" };
  return new WorkerClient(route.connectTo, credentials, { ...bulkChannelOptions, ...route.options, ...name });
}
