/** A worker's session as the coordinator has it, over a stream that records messages, without a worker or a network. */
import { systemClock } from "../../src/clock.js";
import type { Clock } from "../../src/clock.js";
import { WorkerSession } from "../../src/coordinator/service/worker-session.js";
import { protocolVersion } from "../../src/rpc/index.js";
import type { CoordinatorMessage } from "../../src/rpc/index.js";

export interface ToldSession {
  /** It pushes contributions until it is given its own server. */
  readonly session: WorkerSession;
  /** The messages it received, in order. */
  readonly told: CoordinatorMessage[];
}

export function toldSession(workerId: string, clock: Clock = systemClock): ToldSession {
  const told: CoordinatorMessage[] = [];
  const call = {
    host: "10.0.0.7",
    send: (message: CoordinatorMessage) => void told.push(message),
    end: () => undefined,
    refuse: () => undefined,
  };
  const join = {
    protocolVersion,
    softwareVersion: "test",
    workerId,
    host: "host",
    pid: 1,
    dataHost: "",
    dataPort: 7071,
    dataKey: `key of ${workerId}`,
    dataCertificate: Buffer.alloc(0),
  };
  const session = new WorkerSession(call, join, clock);
  return { session, told };
}
