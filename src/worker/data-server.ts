/** The worker's own gRPC server: hands out contributions to the coordinator that knows the key of this session. */
import { randomBytes } from "node:crypto";
import { ServerCredentials, status } from "@grpc/grpc-js";
import { bytesOf } from "../collective/index.js";
import { shardIndex } from "../ids.js";
import type { WorkerHandlers, RunningServer } from "../rpc/index.js";
import { listen, sendObject, showsToken, workerService } from "../rpc/index.js";
import type { Contributions } from "./contributions.js";

export interface DataServer {
  readonly port: number;
  /** What callers must show. */
  readonly key: string;
  /** What is served from now on; nothing when undefined. */
  serve(contributions: Contributions | undefined): void;
  close(): Promise<void>;
}

/** @throws CoxswainError "network" when the address cannot be listened on */
export async function startDataServer(address: { host: string; port: number }): Promise<DataServer> {
  const key = randomBytes(24).toString("hex");
  let served: Contributions | undefined;
  const handlers: WorkerHandlers = {
    PullContribution: (call) => {
      if (!showsToken(call.metadata, key)) {
        call.emit("error", { code: status.UNAUTHENTICATED, details: "wrong key" });
        return;
      }
      const { step, first, count } = call.request;
      const vector = served?.get(step, { first: shardIndex(first), count });
      if (vector === undefined) {
        call.emit("error", { code: status.NOT_FOUND, details: `no sum of shards ${first}+${count} of step ${step}` });
        return;
      }
      sendObject(call, bytesOf(vector)).then(
        () => call.end(),
        // The caller has gone; it knows.
        () => call.end(),
      );
    },
  };
  const server: RunningServer = await listen({
    ...address,
    credentials: ServerCredentials.createInsecure(),
    name: "coxswain.v1.Worker",
    service: workerService,
    handlers,
    addressKey: "--listen",
  });
  return { port: server.port, key, serve: (contributions) => (served = contributions), close: () => server.close() };
}
