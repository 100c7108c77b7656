/** The interfaces of the coordinator and of the workers to an in-memory network. */
import type { VectorDtype } from "../../../src/collective/index.js";
import { SharedReplica } from "../../../src/coordinator/service/bounds.js";
import { admitPush, reducedPart } from "../../../src/coordinator/service/bulk.js";
import { messageOf } from "../../../src/errors.js";
import type { ServiceOptions } from "../../../src/coordinator/service/options.js";
import type { ConnectToWorker } from "../../../src/coordinator/service/transport.js";
import type { PulledChecksum, Wanted } from "../../../src/rpc/index.js";
import { CallFailed } from "../../../src/worker/index.js";
import type {
  Attempt,
  ControlCall,
  ControlListener,
  CoordinatorConnection,
  Member,
  MemberCalls,
  PeerCalls,
  WorkerTransport,
} from "../../../src/worker/index.js";
import { Calls, copy } from "./memory-calls.js";
import type { CallOptions } from "./memory-calls.js";
import type { Listening, MemoryDataServer, MemoryNetwork } from "./memory-network.js";
import { openStream } from "./memory-stream.js";
import type { VirtualProcess } from "./virtual-clock.js";

/** Time limit of a connection to a worker's server, ms. */
const reachTimeout = 3_000;

/** Connects the coordinator to the workers' own servers. */
export function connectToWorkers(network: MemoryNetwork, process: VirtualProcess, runId: string): ConnectToWorker {
  return ({ address, key }) => {
    const calls = new Calls(network, process);
    const pull = (wanted: Wanted, into: Float32Array, dtype: VectorDtype): Promise<PulledChecksum> =>
      calls.pull({ address, key, runId }, wanted, into, dtype);
    return {
      reached: () =>
        calls
          .toServer({ address, key, runId }, () => undefined, { patience: reachTimeout })
          .then(
            () => undefined,
            () => `${address} does not answer`,
          ),
      pull,
      pullReplica: () =>
        calls.toServer({ address, key, runId }, (served) => {
          const replica = served.replica();
          if (replica === undefined) throw new Error("this worker has no replica yet");
          return replica;
        }),
      close: () => calls.close(),
    };
  };
}

/** A worker's interface to the network. */
export class MemoryTransport implements WorkerTransport {
  readonly coordinator = "coordinator";
  readonly #network: MemoryNetwork;
  readonly #process: VirtualProcess;
  readonly #host: string;
  readonly #server: MemoryDataServer | undefined;

  constructor(network: MemoryNetwork, process: VirtualProcess, host: string, server: MemoryDataServer | undefined) {
    this.#network = network;
    this.#process = process;
    this.#host = host;
    this.#server = server;
  }

  connect(timeout: number): Promise<Attempt> {
    const network = this.#network;
    const process = this.#process;
    const { coordinator } = network;
    return new Promise((resolve) => {
      const failed = (reason: string): void => resolve({ kind: "failed", reason, final: false });
      const late = process.arrive(timeout, () => failed("it does not answer"));
      const settle = (act: () => void): void => {
        late.cancel();
        act();
      };
      if (coordinator === undefined || network.refuses(coordinator.process))
        process.arrive(network.delay(), () => settle(() => failed("nothing listens there")));
      else
        coordinator.process.arrive(network.delay(), () => {
          const connection = new MemoryConnection(network, process, this.#host, coordinator, this.#server);
          process.arrive(network.delay(), () => settle(() => resolve({ kind: "connected", connection })));
        });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryConnection implements CoordinatorConnection {
  readonly #network: MemoryNetwork;
  readonly #process: VirtualProcess;
  readonly #host: string;
  readonly #coordinator: Listening;
  readonly #calls: Calls;
  #stream: ControlCall | undefined;

  constructor(
    network: MemoryNetwork,
    process: VirtualProcess,
    host: string,
    coordinator: Listening,
    readonly dataServer: MemoryDataServer | undefined,
  ) {
    this.#network = network;
    this.#process = process;
    this.#host = host;
    this.#coordinator = coordinator;
    this.#calls = new Calls(network, process);
  }

  attend(listener: ControlListener): ControlCall {
    this.#stream = openStream(this.#network, this.#coordinator, { process: this.#process, host: this.#host, listener });
    return this.#stream;
  }

  callsOf({ runId, workerId, sessionKey, dtype }: Member): MemberCalls {
    const { process, service } = this.#coordinator;
    const replica = sharedReplica(service);
    const ask = <T>(answer: () => T, options?: CallOptions<T>): Promise<T> => this.#calls.to(process, answer, options);
    const session = () => {
      const found = runId === service.runId ? service.conductor.session(workerId) : undefined;
      if (found?.key !== sessionKey) throw new Error("the caller does not attend this run");
      return found;
    };
    const peers: PeerCalls = {
      pullContribution: ({ address, key }, { step, node, offset, length }, into, options) =>
        this.#calls.pull(
          { address, key, runId },
          { contribution: { step, ...node, offset, length } },
          into,
          dtype,
          options,
        ),
      pullSlice: ({ address, key }, range, into) =>
        this.#calls.pull({ address, key, runId }, { slice: range }, into, dtype),
    };
    return {
      peers,
      coordinator: {
        pullReplica: async () => {
          let release = (): void => undefined;
          const hold = () => {
            session();
            const held = replica.hold();
            ({ release } = held);
            return { step: held.step, bytes: held.bytes };
          };
          return ask(hold, { over: () => release() });
        },
        pullReduced: async (step, offset, into) => {
          const part = () => {
            session();
            const found = reducedPart({ step, offset, length: into.length }, service);
            if ("refused" in found) throw new Error(found.reason);
            return found;
          };
          await ask(part, {
            pulls: { of: "reduced", offset, length: into.length },
            arrived: (vector) => copy(vector, into, dtype),
          });
        },
        pullModelFile: () => {
          throw new Error("the simulation has no model files");
        },
        pushContribution: async (step, node, sum) => {
          // It is sent once the coordinator reads it.
          const { refusal } = await ask(() => ({
            refusal: admitPush(session(), step, node, service).then(() => undefined, messageOf),
          }));
          const reason = await refusal;
          if (reason !== undefined) throw new CallFailed(reason, false);
          await ask(() => {
            const vector = new Float32Array(sum.length);
            const checksum = copy(sum, vector, dtype);
            session().sums.pushed(step, node, { vector, checksum });
          });
        },
        pushReplica: (pushed) =>
          ask(() => {
            const from = session();
            if (!from.awaitsReplica) throw new Error("no replica was requested");
            from.pushedReplica(pushed);
          }),
      },
    };
  }

  close(): Promise<void> {
    this.#stream?.cancel();
    this.#calls.close();
    return Promise.resolve();
  }
}

/** One copy for all concurrent pulls, as in the product. */
const shared = new WeakMap<ServiceOptions, SharedReplica>();
function sharedReplica(service: ServiceOptions): SharedReplica {
  const { replica } = service;
  const known =
    shared.get(service) ??
    new SharedReplica(
      () => replica.step,
      () => ({ step: replica.step, bytes: replica.toBytes() }),
    );
  shared.set(service, known);
  return known;
}
