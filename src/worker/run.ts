/** Assembles the worker of a real cluster: over gRPC, with models on this machine. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { attendRun } from "./attend.js";
import type { AttendOptions, WorkerEnd } from "./attend.js";
import { GrpcTransport } from "./grpc/transport.js";
import type { GrpcTransportOptions } from "./grpc/transport.js";
import type { Identity } from "./membership/membership.js";
import { ModelLoader } from "./model/model-loader.js";
import type { ModelLoaderOptions } from "./model/model-loader.js";

export type WorkerOptions = GrpcTransportOptions &
  ModelLoaderOptions &
  Omit<AttendOptions, "transport" | "models" | "identity">;

/**
 * Resolves when the run is over or the signal is aborted.
 * @throws what `attendRun` throws, and CoxswainError "config" for certificates that cannot be used
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerEnd> {
  const transport = await GrpcTransport.open(options);
  const models = new ModelLoader(options);
  try {
    return await attendRun({ ...options, transport, models, identity: ownIdentity });
  } finally {
    options.observer.connected(false);
    await models.close();
    await transport.close();
  }
}

function ownIdentity(): Identity {
  const host = hostname();
  return { id: `${host}-${process.pid}-${randomBytes(3).toString("hex")}`, host, pid: process.pid };
}
