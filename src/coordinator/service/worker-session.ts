/** The coordinator's end of one worker's membership: its control stream and the transfer of its gradients. */
import type { Clock, Timer } from "../../clock.js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import { bulkTimeout, replicaLength } from "../../rpc/index.js";
import type { CoordinatorMessage, JoinOutput, Peer, ReplicaBytes, Wanted } from "../../rpc/index.js";
import type { Readiness } from "./bounds.js";
import type { Slice } from "../machine/index.js";
import type { ConnectToWorker, ControlCall, WorkerServer } from "./transport.js";

/**
 * Limit on pushed sums that have not been requested yet: a worker pushes a sum immediately after announcing it, at most
 * a few nodes ahead of what the coordinator has read.
 */
const earlyAllowed = 64;

/** Limit on their total size, bytes; two sums are always allowed. */
const earlyBytesAllowed = 256 * 1024 * 1024;

interface Push<T> {
  readonly arrived: (object: T) => void;
  readonly failed: (error: Error) => void;
}

/** How many vectors of this length may be kept before they are requested. */
const earlyLimit = ({ byteLength }: Float32Array): number =>
  Math.min(earlyAllowed, Math.max(2, Math.floor(earlyBytesAllowed / byteLength)));

const keyOf = (step: number, { first, count }: TreeNode): string => `${step}:${first}:${count}`;

export class WorkerSession {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** The worker pushes its contributions: it has no server, or the coordinator cannot reach it. */
  pushes = true;
  /** The worker has sent its ready message. */
  isReady = false;
  /** What the worker computes with, once it is ready. */
  computation: Readiness | undefined;
  readonly joinedAt: Date;
  readonly #stream: ControlCall;
  readonly #clock: Clock;
  readonly #dataAddress: string | undefined;
  readonly #dataKey: string;
  readonly #dataCertificate: Uint8Array;
  #server: WorkerServer | undefined;
  #heartbeat: Timer | undefined;
  /** A message was sent since that timer last fired, so no heartbeat is needed. */
  #spoke = false;
  #closed = false;
  /** Workers whose address was sent to this one. */
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

  /** From now on, sends a heartbeat when idle, so that at least two messages are sent per `timeout` ms. */
  keepAlive(timeout: number): void {
    this.#heartbeat = this.#clock.every(timeout / 4, () => {
      if (!this.#spoke) this.send({ heartbeat: {} });
      this.#spoke = false;
    });
  }

  /**
   * Opens the connection for gradients. Without a connection, the worker is asked to push.
   * @returns the reason, if the worker has a server that cannot be used
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

  /** Whether this worker was sent the address of another one. */
  knows(other: WorkerSession): boolean {
    return this.#introduced.has(other.id);
  }

  /** How this worker reaches another one. Only the first message about the other worker includes the address. */
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
   * Receives the sum of a node's gradients; rejects if it does not arrive in time.
   * @param into [size], the destination of a pulled sum; a pushed sum has its own memory
   * @returns `into`, or the pushed sum
   */
  async receive(step: number, node: TreeNode, into: Float32Array, dtype: VectorDtype): Promise<Float32Array> {
    if (this.pushes) return this.#await(step, node, into.length);
    const { first, count } = node;
    await this.#pull({ contribution: { step, first, count, offset: 0, length: into.length } }, into, dtype);
    return into;
  }

  /**
   * Pulls a slice that this worker has reduced; rejects if it does not arrive in time.
   * @param into [slice.length]
   */
  gather(step: number, { offset, length }: Slice, into: Float32Array, dtype: VectorDtype): Promise<void> {
    return this.#pull({ slice: { step, offset, length } }, into, dtype);
  }

  /** Pulls the worker's replica of `size` parameters, or asks the worker to push it. */
  async replica(size: number): Promise<ReplicaBytes> {
    if (this.pushes || this.#server === undefined) {
      const pushed = this.#awaitReplica(replicaLength(size));
      this.send({ sendReplica: {} });
      return pushed;
    }
    return this.#server.pullReplica(size);
  }

  /**
   * Accepts a pushed contribution, which may arrive before it is requested.
   * @throws CoxswainError "network" if too many unrequested contributions are kept already
   */
  pushed(step: number, node: TreeNode, vector: Float32Array): void {
    const key = keyOf(step, node);
    const waiting = this.#awaited.get(key);
    if (waiting !== undefined) waiting.arrived(vector);
    else if (this.#early.has(key) || this.#early.size < earlyLimit(vector)) this.#early.set(key, vector);
    else throw new CoxswainError("network", `worker ${this.id} pushes sums that were not requested`);
  }

  /** Whether a replica has been requested from the worker and has not arrived yet. */
  get awaitsReplica(): boolean {
    return this.#awaitedReplica !== undefined;
  }

  pushedReplica(replica: ReplicaBytes): void {
    this.#awaitedReplica?.arrived(replica);
  }

  /** Drops unrequested pushes for steps up to `step`, which are over. */
  release(step: number): void {
    for (const key of this.#early.keys()) if (Number(key.split(":", 1)[0]) <= step) this.#early.delete(key);
  }

  /** Ends the stream and rejects everything that waits for this worker. */
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

  /**
   * Waits for an object that the worker pushes. Calls `register` with the functions that settle the promise, and with
   * undefined once it has settled.
   */
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
