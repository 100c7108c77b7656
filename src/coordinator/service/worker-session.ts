/** The coordinator's end of one worker's membership: its control stream, and the way to its gradients. */
import type { Clock, Timer } from "../../clock.js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import { bulkTimeout, replicaLength } from "../../rpc/index.js";
import type { CoordinatorMessage, JoinOutput, Peer, ReplicaBytes, Wanted } from "../../rpc/index.js";
import type { Readiness } from "./bounds.js";
import type { Slice } from "../machine/index.js";
import type { ConnectToWorker, ControlCall, WorkerServer } from "./transport.js";

/**
 * Pushed sums that may wait to be asked for: a worker pushes what it has announced at once, which is a few nodes ahead of
 * the coordinator's reading at most.
 */
const earlyAllowed = 64;

/** What those may hold in all, bytes; two are always kept. */
const earlyBytesAllowed = 256 * 1024 * 1024;

interface Push<T> {
  readonly arrived: (object: T) => void;
  readonly failed: (error: Error) => void;
}

/** How many vectors of this length may wait. */
const earlyLimit = ({ byteLength }: Float32Array): number =>
  Math.min(earlyAllowed, Math.max(2, Math.floor(earlyBytesAllowed / byteLength)));

const keyOf = (step: number, { first, count }: TreeNode): string => `${step}:${first}:${count}`;

export class WorkerSession {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Contributions are pushed: it has no server, or we cannot reach it. */
  pushes = true;
  /** It has said that it is ready. */
  isReady = false;
  /** What it computes with, once it is ready. */
  computation: Readiness | undefined;
  readonly joinedAt: Date;
  readonly #stream: ControlCall;
  readonly #clock: Clock;
  readonly #dataAddress: string | undefined;
  readonly #dataKey: string;
  readonly #dataCertificate: Uint8Array;
  #server: WorkerServer | undefined;
  #heartbeat: Timer | undefined;
  /** Something was said since that timer last fired: as good as a heartbeat. */
  #spoke = false;
  #closed = false;
  /** Workers whose address this one was told. */
  readonly #introduced = new Set<string>();
  readonly #awaited = new Map<string, Push<Float32Array>>();
  readonly #early = new Map<string, Float32Array>();
  #awaitedReplica: Push<ReplicaBytes> | undefined;

  constructor(stream: ControlCall, join: JoinOutput, clock: Clock) {
    this.id = join.workerId;
    this.host = join.host;
    this.pid = join.pid;
    this.#stream = stream;
    this.#clock = clock;
    this.joinedAt = new Date(clock.wallClock());
    this.#dataKey = join.dataKey;
    this.#dataCertificate = join.dataCertificate;
    const host = join.dataHost === "" ? stream.host : join.dataHost;
    this.#dataAddress = join.dataPort > 0 && host !== undefined ? `${host}:${join.dataPort}` : undefined;
  }

  send(message: CoordinatorMessage): void {
    this.#spoke = true;
    if (!this.#closed) this.#stream.send(message);
  }

  /** From now on something is said at least twice in `timeout` ms. */
  keepAlive(timeout: number): void {
    this.#heartbeat = this.#clock.every(timeout / 4, () => {
      if (!this.#spoke) this.send({ heartbeat: {} });
      this.#spoke = false;
    });
  }

  /**
   * Opens the connection for gradients. Without one, the worker is asked to push.
   * @returns why its server is not used, where it has one
   */
  async reach(connect: ConnectToWorker): Promise<string | undefined> {
    const address = this.#dataAddress;
    if (address === undefined) return undefined;
    const server = connect({ address, key: this.#dataKey, certificate: this.#dataCertificate });
    if (typeof server === "string") return server;
    this.#server = server;
    const problem = await server.reached();
    this.pushes = problem !== undefined;
    return problem;
  }

  /** Whether it was told how to reach another one. */
  knows(other: WorkerSession): boolean {
    return this.#introduced.has(other.id);
  }

  /** How this worker reaches another one: said once, afterwards it knows. */
  introduce(other: WorkerSession): Peer {
    if (this.#introduced.has(other.id)) return { workerId: other.id };
    this.#introduced.add(other.id);
    return {
      workerId: other.id,
      address: other.#dataAddress ?? "",
      key: other.#dataKey,
      certificate: other.#dataCertificate,
    };
  }

  /**
   * The sum of a node's gradients; rejects when it does not come in time.
   * @param into [size], where what is pulled goes; what is pushed has memory of its own
   * @returns whichever it is
   */
  async receive(step: number, node: TreeNode, into: Float32Array, dtype: VectorDtype): Promise<Float32Array> {
    if (this.pushes) return this.#await(step, node, into.length);
    const { first, count } = node;
    await this.#pull({ contribution: { step, first, count, offset: 0, length: into.length } }, into, dtype);
    return into;
  }

  /**
   * Pulls a slice that this worker has reduced; rejects when it does not come in time.
   * @param into [slice.length]
   */
  gather(step: number, { offset, length }: Slice, into: Float32Array, dtype: VectorDtype): Promise<void> {
    return this.#pull({ slice: { step, offset, length } }, into, dtype);
  }

  /** The worker's replica of `size` parameters. */
  async replica(size: number): Promise<ReplicaBytes> {
    if (this.pushes || this.#server === undefined) {
      const pushed = this.#awaitReplica(replicaLength(size));
      this.send({ sendReplica: {} });
      return pushed;
    }
    return this.#server.pullReplica(size);
  }

  /**
   * A pushed contribution has arrived, perhaps before it was asked for.
   * @throws CoxswainError "network" when too many were never asked for
   */
  pushed(step: number, node: TreeNode, vector: Float32Array): void {
    const key = keyOf(step, node);
    const waiting = this.#awaited.get(key);
    if (waiting !== undefined) waiting.arrived(vector);
    else if (this.#early.has(key) || this.#early.size < earlyLimit(vector)) this.#early.set(key, vector);
    else throw new CoxswainError("network", `worker ${this.id} pushes sums that nobody asked for`);
  }

  /** Whether it was asked for its replica. */
  get awaitsReplica(): boolean {
    return this.#awaitedReplica !== undefined;
  }

  pushedReplica(replica: ReplicaBytes): void {
    this.#awaitedReplica?.arrived(replica);
  }

  /** What was pushed for steps that are over is let go of. */
  release(step: number): void {
    for (const key of this.#early.keys()) if (Number(key.split(":", 1)[0]) <= step) this.#early.delete(key);
  }

  /** Ends the stream and everything that waits on this worker. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#heartbeat?.cancel();
    this.#stream.end();
    this.#server?.close();
    const gone = new CoxswainError("network", "the worker is gone");
    for (const { failed } of this.#awaited.values()) failed(gone);
    this.#awaitedReplica?.failed(gone);
    this.#early.clear();
  }

  async #pull(wanted: Wanted, into: Float32Array, dtype: VectorDtype): Promise<void> {
    if (this.#server === undefined) throw new CoxswainError("bug", "a pull without a connection");
    await this.#server.pull(wanted, into, dtype);
  }

  #await(step: number, node: TreeNode, size: number): Promise<Float32Array> {
    const key = keyOf(step, node);
    const early = this.#early.get(key);
    if (early !== undefined) {
      this.#early.delete(key);
      return Promise.resolve(early);
    }
    return this.#awaitPush("nothing was pushed in time", bulkTimeout(size * 4), (push) => {
      if (push === undefined) this.#awaited.delete(key);
      else this.#awaited.set(key, push);
    });
  }

  #awaitReplica(bytes: number): Promise<ReplicaBytes> {
    return this.#awaitPush(
      "no replica was pushed in time",
      bulkTimeout(bytes),
      (push) => (this.#awaitedReplica = push),
    );
  }

  /** A promise of something that the worker sends. `register` is called with how to settle it, and with nothing when it is. */
  #awaitPush<T>(late: string, timeout: number, register: (push: Push<T> | undefined) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = (act: () => void): void => {
        timer.cancel();
        register(undefined);
        act();
      };
      const timer = this.#clock.after(timeout, () => settle(() => reject(new CoxswainError("network", late))));
      register({
        arrived: (object) => settle(() => resolve(object)),
        failed: (error) => settle(() => reject(error)),
      });
    });
  }
}
