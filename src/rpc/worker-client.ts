/** A client of a worker's own server, as the coordinator and the other workers are told of it. */
import { bulkChannelOptions } from "./options.js";
import { WorkerClient } from "./proto.js";
import { pinnedCredentials } from "./security.js";
import type { WorkerStub } from "./types.js";

/**
 * Connects when it is first used.
 * @param address HOST:PORT
 * @param certificate Join.data_certificate: empty where the server has no TLS
 */
export function workerClient(address: string, certificate: Uint8Array): WorkerStub {
  const credentials = pinnedCredentials(certificate);
  // The certificate names nobody. An address would be shown as the name, which TLS does not allow.
  const options = certificate.length === 0 ? {} : { "grpc.ssl_target_name_override": "coxswain-worker" };
  return new WorkerClient(address, credentials, { ...bulkChannelOptions, ...options });
}
