/** Whether a Coxswain coordinator listens at an address of this machine. Asks without a token, with a short timeout. */
import { Client, ChannelCredentials, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { formatAddress } from "../config/index.js";
import type { Address } from "../config/index.js";

/** Timeout of the answer, ms. */
const patience = 2_000;

/** @param name full name of the service that only a coordinator has */
export async function isServedAt(address: Address, name: string): Promise<boolean> {
  // The certificate does not matter here: no secret is sent, and the answer is not trusted.
  const anyCertificate = ChannelCredentials.createSsl(null, null, null, { rejectUnauthorized: false });
  const ways = [ChannelCredentials.createInsecure(), anyCertificate];
  return (await Promise.all(ways.map((credentials) => asks(address, name, credentials)))).includes(true);
}

function asks(address: Address, name: string, credentials: ChannelCredentials): Promise<boolean> {
  const { Check: check } = healthService;
  if (check === undefined) return Promise.resolve(false);
  const options = {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
    "grpc.initial_reconnect_backoff_ms": 2 * patience,
  };
  const client = new Client(formatAddress(address), credentials, options);
  return new Promise<boolean>((resolve) => {
    client.makeUnaryRequest(
      check.path,
      check.requestSerialize,
      check.responseDeserialize,
      { service: name },
      { deadline: Date.now() + patience },
      // A health service that does not know the name reports it: it belongs to another program.
      (error: ServiceError | null) => resolve(error === null || error.code === status.RESOURCE_EXHAUSTED),
    );
  }).finally(() => client.close());
}
