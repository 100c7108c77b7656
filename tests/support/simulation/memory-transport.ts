/**
 * An in-memory network. Control streams deliver messages in order and with a delay, serialized by the real codec.
 * Pulled and pushed vectors are read when they arrive, as in slow transfers. Calls fail with a configured probability.
 */
import { VectorAssembler, isWithin, vectorChunks } from "../../../src/collective/index.js";
import type { VectorDtype, VectorRange } from "../../../src/collective/index.js";
import { messageOf } from "../../../src/errors.js";
import { shardIndex } from "../../../src/ids.js";
import { coordinatorService } from "../../../src/rpc/index.js";
import type { PullOptions, Wanted } from "../../../src/rpc/index.js";
import { SharedReplica } from "../../../src/coordinator/service/bounds.js";
import { checkPush, reducedPart } from "../../../src/coordinator/service/bulk.js";
import { attendCall } from "../../../src/coordinator/service/attendance.js";
import type { ServiceOptions } from "../../../src/coordinator/service/options.js";
import type { ConnectToWorker, ControlListener as Attendance } from "../../../src/coordinator/service/transport.js";
import { CallFailed } from "../../../src/worker/index.js";
import type {
  Attempt,
  ControlCall,
  ControlListener,
  CoordinatorConnection,
  DataServer,
  Member,
  MemberCalls,
  PeerCalls,
  Served,
  StreamEnd,
  WorkerTransport,
} from "../../../src/worker/index.js";
import type { VirtualProcess, VirtualTime } from "./virtual-clock.js";

const codec = coordinatorService.Attend;

/** Time limits, ms: of a call that receives no bytes (as in `StallWatch`), and of a connection to a worker's server. */
const stalled = 5_000;
const reachTimeout = 3_000;

export interface NetworkOptions {
  readonly random: () => number;
  /** Minimum and maximum latency, ms. */
  readonly latency: readonly [number, number];
  /** Probability that a message is late by up to `lateBy` ms; later messages on its stream wait for it. */
  readonly late: number;
  readonly lateBy: number;
  /** Probability that a bulk call fails. */
  readonly losses: number;
}

/** The coordinator that is currently listening. */
export interface Listening {
  readonly process: VirtualProcess;
  readonly service: ServiceOptions;
}

/** An open end of a stream or a call. */
interface Open {
  readonly process: VirtualProcess;
  readonly other: VirtualProcess;
  /** Called when its connection breaks. */
  readonly broken: () => void;
}

export class MemoryNetwork {
  readonly time: VirtualTime;
  readonly options: NetworkOptions;
  readonly #open = new Set<Open>();
  /** Processes whose machines vanished: their peers are not notified. */
  readonly #vanished = new WeakSet<VirtualProcess>();
  readonly #servers = new Map<string, MemoryDataServer>();
  coordinator: Listening | undefined;

  constructor(time: VirtualTime, options: NetworkOptions) {
    this.time = time;
    this.options = options;
  }

  delay(): number {
    const [low, high] = this.options.latency;
    return low + (high - low) * this.options.random();
  }

  chance(probability: number): boolean {
    return probability > 0 && this.options.random() < probability;
  }

  register(open: Open): () => void {
    this.#open.add(open);
    return () => void this.#open.delete(open);
  }

  /** Number of open streams and calls of a process. */
  openOf(process: VirtualProcess): number {
    return [...this.#open].filter((open) => open.process === process).length;
  }

  /** Kills a process. Its system closes its connections unless `silently`: then its machine vanishes with it. */
  kill(process: VirtualProcess, silently: boolean): void {
    process.kill();
    if (silently) this.#vanished.add(process);
    else this.breakAll(process);
  }

  /** Whether connections to the process are refused: it was killed, but its machine still runs. */
  refuses(process: VirtualProcess): boolean {
    return process.dead && !this.#vanished.has(process);
  }

  /** Breaks all connections of a process. */
  breakAll(process: VirtualProcess): void {
    for (const open of [...this.#open]) if (open.process === process || open.other === process) open.broken();
  }

  listen(server: MemoryDataServer): void {
    this.#servers.set(server.address, server);
  }

  server(address: string): MemoryDataServer | undefined {
    return this.#servers.get(address);
  }

  /** Connects the coordinator to the workers' own servers. */
  connectToWorkers(process: VirtualProcess, runId: string): ConnectToWorker {
    return ({ address, key }) => {
      const calls = new Calls(this, process);
      const pull = (wanted: Wanted, into: Float32Array, dtype: VectorDtype): Promise<void> =>
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
}

/** A worker's own server. */
export class MemoryDataServer implements DataServer {
  readonly certificate = new Uint8Array();
  served: Served | undefined;

  constructor(
    readonly process: VirtualProcess,
    readonly host: string,
    readonly port: number,
    /** Whether others can reach the server. */
    readonly reachable: boolean,
  ) {}

  get key(): string {
    return `key-of-${this.host}`;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  serve(served: Served | undefined): void {
    this.served = served;
  }
}

interface CallOptions<T> {
  /** Runs in the caller's process when the answer has arrived. */
  readonly arrived?: (answer: T) => void;
  /** Runs when the call has ended, successfully or not. */
  readonly over?: () => void;
  readonly patience?: number;
  readonly signal?: AbortSignal | undefined;
}

interface ServerOf {
  readonly address: string;
  readonly key: string;
  readonly runId: string;
}

/** The open calls of one connection. */
class Calls {
  readonly #network: MemoryNetwork;
  readonly #process: VirtualProcess;
  readonly #underWay = new Set<(error: Error) => void>();
  #closed = false;

  constructor(network: MemoryNetwork, process: VirtualProcess) {
    this.#network = network;
    this.#process = process;
  }

  /** Closes the connection; calls in progress reject. */
  close(): void {
    this.#closed = true;
    for (const fail of [...this.#underWay]) fail(new CallFailed("the connection was closed", false));
  }

  /** @param answer runs in the other process; if it throws, the call fails with that message */
  to<T>(other: VirtualProcess, answer: () => T, options: CallOptions<T> = {}): Promise<T> {
    const network = this.#network;
    const { random, losses } = network.options;
    return new Promise<T>((resolve, reject) => {
      const settle = (act: () => void): void => {
        if (!this.#underWay.delete(fail)) return;
        late.cancel();
        closed();
        options.signal?.removeEventListener("abort", abort);
        options.over?.();
        act();
      };
      const fail = (error: Error): void => settle(() => reject(error));
      const abort = (): void => fail(new CallFailed("the call was given up", false));
      const lost = (reason: string): void =>
        void this.#process.arrive(network.delay(), () => fail(new CallFailed(reason, true)));
      const late = this.#process.arrive(options.patience ?? stalled, () => fail(new CallFailed("nothing came", true)));
      const closed = network.register({ process: this.#process, other, broken: () => lost("the connection broke") });
      this.#underWay.add(fail);
      options.signal?.addEventListener("abort", abort, { once: true });
      if (this.#closed) fail(new CallFailed("the connection was closed", false));
      else if (options.signal?.aborted) abort();
      else if (network.refuses(other)) lost("nothing listens there");
      else if (network.chance(losses)) {
        const breaks = random() < 0.5;
        this.#process.arrive(2 * network.delay(), () => fail(new CallFailed("it was lost", breaks)));
      } else
        other.arrive(network.delay(), () => {
          if (!this.#underWay.has(fail)) return;
          let come: () => void;
          try {
            const answered = answer();
            come = () =>
              settle(() => {
                options.arrived?.(answered);
                resolve(answered);
              });
          } catch (error) {
            come = () => fail(new CallFailed(messageOf(error), false));
          }
          this.#process.arrive(network.delay(), come);
        });
    });
  }

  /** Calls a worker's own server, which answers members of its run that have its key. */
  toServer<T>(of: ServerOf, answer: (served: Served) => T, options: CallOptions<T> = {}): Promise<T> {
    const server = this.#network.server(of.address);
    if (server?.reachable !== true) return Promise.reject(new CallFailed(`nothing answers at ${of.address}`, true));
    return this.to(
      server.process,
      () => {
        const { served } = server;
        if (of.key !== server.key) throw new Error("wrong key");
        if (served?.runId !== of.runId) throw new Error("this worker takes part in another run, or none");
        return answer(served);
      },
      options,
    );
  }

  async pull(
    of: ServerOf,
    wanted: Wanted,
    into: Float32Array,
    dtype: VectorDtype,
    { addend, signal }: PullOptions = {},
  ): Promise<void> {
    let release = (): void => undefined;
    await this.toServer(
      of,
      (served) => {
        const vector = find(served, wanted);
        if (vector.length !== into.length) throw new Error(`a vector of ${vector.length} elements, not ${into.length}`);
        release = served.hold(vector);
        return vector;
      },
      { arrived: (vector) => copy(vector, into, dtype, addend), over: () => release(), signal },
    );
  }
}

function find(served: Served, wanted: Wanted): Float32Array {
  if ("slice" in wanted && wanted.slice) {
    const { step, offset, length } = wanted.slice;
    const slice = served.slice(Number(step), Number(offset), Number(length));
    if (slice !== undefined) return slice;
  } else if ("contribution" in wanted && wanted.contribution) {
    const { step, first, count, offset, length } = wanted.contribution;
    const range: VectorRange = { offset: Number(offset), length: Number(length) };
    const whole = served.contribution(Number(step), { first: shardIndex(Number(first)), count: Number(count) });
    if (whole !== undefined && isWithin(range, whole.length))
      return whole.subarray(range.offset, range.offset + range.length);
  }
  throw new Error("it is not here");
}

function copy(vector: Float32Array, into: Float32Array, dtype: VectorDtype, addend?: Float32Array): void {
  const assembler = new VectorAssembler(into, dtype, addend);
  for (const chunk of vectorChunks(vector, dtype)) assembler.add(chunk);
  assembler.finish();
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

  callsOf({ runId, workerId, dtype }: Member): MemberCalls {
    const { process, service } = this.#coordinator;
    const replica = sharedReplica(service);
    const ask = <T>(answer: () => T, options?: CallOptions<T>): Promise<T> => this.#calls.to(process, answer, options);
    const session = () => {
      const found = runId === service.runId ? service.conductor.session(workerId) : undefined;
      if (found === undefined) throw new Error("the caller does not attend this run");
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
          await ask(part, { arrived: (vector) => copy(vector, into, dtype) });
        },
        pullModelFile: () => {
          throw new Error("the simulation has no model files");
        },
        pushContribution: (step, node, sum) =>
          ask(() => {
            const from = session();
            checkPush(step, node, service.replica);
            const vector = new Float32Array(sum.length);
            copy(sum, vector, dtype);
            from.pushed(step, node, vector);
          }),
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

/** One direction of a stream: delivers in order, and nothing once it has been cut. */
class Direction {
  readonly #network: MemoryNetwork;
  readonly #to: VirtualProcess;
  #last = 0;
  #cut = false;

  constructor(network: MemoryNetwork, to: VirtualProcess) {
    this.#network = network;
    this.#to = to;
  }

  send(arrive: () => void): void {
    const { time, options } = this.#network;
    const late = this.#network.chance(options.late) ? options.random() * options.lateBy : 0;
    this.#last = Math.max(this.#last + 0.001, time.now + this.#network.delay() + late);
    this.#to.arrive(this.#last - time.now, () => {
      if (!this.#cut) arrive();
    });
  }

  /** Drops what is in transit and runs `end` at the receiver instead. */
  cut(end: () => void): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#to.arrive(this.#network.delay(), end);
  }
}

function openStream(
  network: MemoryNetwork,
  { process: coordinator, service }: Listening,
  worker: { readonly process: VirtualProcess; readonly host: string; readonly listener: ControlListener },
): ControlCall {
  const up = new Direction(network, coordinator);
  const down = new Direction(network, worker.process);
  let attendance: Attendance | undefined;
  const broken = (): void => {
    up.cut(() => end.coordinator("its connection broke"));
    down.cut(() => end.worker({ kind: "lost", reason: "the connection broke" }));
  };
  const closed = {
    worker: network.register({ process: worker.process, other: coordinator, broken }),
    coordinator: network.register({ process: coordinator, other: worker.process, broken }),
  };
  const over = { worker: false, coordinator: false };
  const end = {
    worker: (why: StreamEnd): void => {
      if (over.worker) return;
      over.worker = true;
      closed.worker();
      worker.listener.ended(why);
    },
    coordinator: (reason: string): void => {
      closed.coordinator();
      if (over.coordinator) return;
      over.coordinator = true;
      attendance?.ended(reason);
    },
  };
  if (network.refuses(coordinator)) broken();
  const last = (why: StreamEnd): void => {
    closed.coordinator();
    down.send(() => end.worker(why));
  };
  up.send(() => {
    attendance = attendCall(
      {
        host: worker.host,
        send: (message) => {
          const bytes = codec.responseSerialize(message);
          down.send(() => {
            if (!over.worker) worker.listener.message(codec.responseDeserialize(bytes));
          });
        },
        end: () => last({ kind: "lost", reason: "the coordinator closed the stream" }),
        refuse: (why, reason) => {
          end.coordinator(reason);
          last({ kind: why === "unfit" ? "refused" : "lost", reason });
        },
      },
      service,
    );
  });
  return {
    send: (message) => {
      if (over.worker) return;
      const bytes = codec.requestSerialize(message);
      up.send(() => {
        if (!over.coordinator) attendance?.message(codec.requestDeserialize(bytes));
      });
    },
    finish: () =>
      up.send(() => {
        end.coordinator("it closed its stream");
        last({ kind: "lost", reason: "the coordinator closed the stream" });
      }),
    cancel: () => {
      end.worker({ kind: "lost", reason: "cancelled" });
      up.send(() => end.coordinator("its connection broke"));
    },
  };
}
