/** A worker's session as the coordinator has it, over a stream that keeps what is said: no worker and no network. */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { WorkerSession } from "../../src/coordinator/service/worker-session.js";
import { protocolVersion } from "../../src/rpc/index.js";
import type { CoordinatorMessage, WorkerMessageOutput } from "../../src/rpc/index.js";

export interface ToldSession {
  /** Its contributions are pushed, until it is given a server of its own. */
  readonly session: WorkerSession;
  /** What it was told, in order. */
  readonly told: CoordinatorMessage[];
}

export function toldSession(workerId: string): ToldSession {
  const told: CoordinatorMessage[] = [];
  const stream = {
    write: (message: CoordinatorMessage) => told.push(message) > 0,
    end: () => undefined,
    getPeer: () => "10.0.0.7:40912",
  } as unknown as ServerDuplexStream<WorkerMessageOutput, CoordinatorMessage>;
  const session = new WorkerSession(stream, {
    protocolVersion,
    softwareVersion: "test",
    workerId,
    host: "host",
    pid: 1,
    dataHost: "",
    dataPort: 7071,
    dataKey: `key of ${workerId}`,
    dataCertificate: Buffer.alloc(0),
  });
  return { session, told };
}
