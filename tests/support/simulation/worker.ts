/** The product's worker in a simulated process. */
import { attendRun } from "../../../src/worker/index.js";
import type { WorkerEnd } from "../../../src/worker/index.js";
import { ignore, logger } from "./coordinator.js";
import { MemoryDataServer } from "./memory-network.js";
import type { MemoryNetwork } from "./memory-network.js";
import { MemoryTransport } from "./memory-transport.js";
import type { SimulatedModels } from "./simulated-engine.js";
import type { VirtualProcess } from "./virtual-clock.js";

export interface SimulatedWorkerOptions {
  readonly process: VirtualProcess;
  readonly network: MemoryNetwork;
  readonly models: SimulatedModels;
  /** Unique; also its host. */
  readonly name: string;
  /** The id of its n-th membership, from 0. */
  readonly id: (membership: number) => string;
  /** Its number, from 1. */
  readonly pid: number;
  /** Whether others can reach its own server; undefined: it has none. */
  readonly reachable: boolean | undefined;
  readonly signal: AbortSignal;
  /** Called when the replica has changed. */
  readonly applied: () => void;
}

/** Starts a worker after 50 ms; resolves when it has ended. */
export function startWorker(options: SimulatedWorkerOptions): Promise<WorkerEnd> {
  const { process, network, models, name, id, pid, reachable, signal, applied } = options;
  const server = reachable === undefined ? undefined : new MemoryDataServer(process, name, 7_000 + pid, reachable);
  if (server !== undefined) network.listen(server);
  let membership = 0;
  return new Promise((resolve, reject) => {
    process.arrive(50, () => {
      attendRun({
        transport: new MemoryTransport(network, process, name, server),
        models,
        identity: () => ({ id: id(membership++), host: name, pid }),
        advertiseHost: undefined,
        reconnectTimeout: undefined,
        clock: process,
        logger,
        observer: {
          connected: ignore,
          welcomed: ignore,
          activity: ignore,
          shard: ignore,
          applied,
          committed: ignore,
          moved: ignore,
        },
        signal,
      }).then(resolve, reject);
    });
  });
}
