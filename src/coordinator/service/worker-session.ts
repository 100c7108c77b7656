/** The coordinator's end of one worker's membership: its control stream, and the way to its gradients. */
import { Metadata } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import {
  WorkerConnection,
  bulkDeadline,
  bulkTimeout,
  proxyTrouble,
  receiveReplica,
  replicaLength,
  routeToText,
  withToken,
  workerClient,
} from "../../rpc/index.js";
import type {
  CoordinatorMessage,
  JoinOutput,
  Peer,
  ProxyUse,
  ReplicaBytes,
  Route,
  Wanted,
  WorkerMessageOutput,
} from "../../rpc/index.js";
import type { Readiness } from "./bounds.js";
import type { Slice } from "../machine/index.js";

/** How long a worker's own server may take to answer before it is taken for unreachable, ms. */
const reachTimeout = 3_000;

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
  readonly joinedAt = new Date();
  readonly #stream: ServerDuplexStream<WorkerMessageOutput, CoordinatorMessage>;
  readonly #dataAddress: string | undefined;
  readonly #dataKey: string;
  readonly #dataCertificate: Uint8Array;
  #connection: WorkerConnection | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  /** Something was said since that timer last fired: as good as a heartbeat. */
  #spoke = false;
  #closed = false;
  /** Workers whose address this one was told. */
  readonly #introduced = new Set<string>();
  readonly #awaited = new Map<string, Push<Float32Array>>();
  readonly #early = new Map<string, Float32Array>();
  #awaitedReplica: Push<ReplicaBytes> | undefined;

  constructor(stream: ServerDuplexStream<WorkerMessageOutput, CoordinatorMessage>, join: JoinOutput) {
    this.id = join.workerId;
    this.host = join.host;
    this.pid = join.pid;
    this.#stream = stream;
    this.#dataKey = join.dataKey;
    this.#dataCertificate = join.dataCertificate;
    const host = join.dataHost === "" ? hostOf(stream.getPeer()) : join.dataHost;
    this.#dataAddress = join.dataPort > 0 && host !== undefined ? `${host}:${join.dataPort}` : undefined;
  }

  send(message: CoordinatorMessage): void {
    this.#spoke = true;
    if (!this.#closed) this.#stream.write(message);
  }

  /** From now on something is said at least twice in `timeout` ms. */
  keepAlive(timeout: number): void {
    this.#heartbeat = setInterval(() => {
      if (!this.#spoke) this.send({ heartbeat: {} });
      this.#spoke = false;
    }, timeout / 4);
  }

  /**
   * Opens the connection for gradients. Without one, the worker is asked to push.
   * @param options.inTheClear whether a server without TLS will do
   * @param options.proxy whether it is reached through the environment's proxy
   * @returns why its server is not used, where it has one
   */
  async reach({
    inTheClear,
    proxy,
  }: {
    readonly inTheClear: boolean;
    readonly proxy: ProxyUse;
  }): Promise<string | undefined> {
    const address = this.#dataAddress;
    if (address === undefined) return undefined;
    if (this.#dataCertificate.length === 0 && !inTheClear) return `${address} has no TLS`;
    const route = routeOrReason(address, proxy);
    if (typeof route === "string") return route;
    const connect = () => workerClient(route, this.#dataCertificate);
    const connection = new WorkerConnection(connect, withToken(this.#dataKey, new Metadata()));
    this.#connection = connection;
    this.pushes = await new Promise<boolean>((resolve) => {
      connection.client.waitForReady(Date.now() + reachTimeout, (error) => resolve(error !== undefined));
    });
    if (!this.pushes) return undefined;
    return (await proxyTrouble(route))?.reason ?? `${address} does not answer`;
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
    if (this.pushes || this.#connection === undefined) {
      const pushed = this.#awaitReplica(replicaLength(size));
      this.send({ sendReplica: {} });
      return pushed;
    }
    const deadline = bulkDeadline(replicaLength(size));
    return this.#connection.call((client, metadata) =>
      receiveReplica(client.pullReplica({}, metadata, { deadline }), size),
    );
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
    clearInterval(this.#heartbeat);
    this.#stream.end();
    this.#connection?.close();
    const gone = new CoxswainError("network", "the worker is gone");
    for (const { failed } of this.#awaited.values()) failed(gone);
    this.#awaitedReplica?.failed(gone);
    this.#early.clear();
  }

  async #pull(wanted: Wanted, into: Float32Array, dtype: VectorDtype): Promise<void> {
    if (this.#connection === undefined) throw new CoxswainError("bug", "a pull without a connection");
    await this.#connection.pull(wanted, into, dtype);
  }

  #await(step: number, node: TreeNode, size: number): Promise<Float32Array> {
    const key = keyOf(step, node);
    const early = this.#early.get(key);
    if (early !== undefined) {
      this.#early.delete(key);
      return Promise.resolve(early);
    }
    return awaitPush("nothing was pushed in time", bulkTimeout(size * 4), (push) => {
      if (push === undefined) this.#awaited.delete(key);
      else this.#awaited.set(key, push);
    });
  }

  #awaitReplica(bytes: number): Promise<ReplicaBytes> {
    return awaitPush("no replica was pushed in time", bulkTimeout(bytes), (push) => (this.#awaitedReplica = push));
  }
}

/** A worker is seen at an address that no connection can be made with where it comes over a link-local one. */
function routeOrReason(address: string, proxy: ProxyUse): Route | string {
  try {
    return routeToText(address, proxy);
  } catch (error) {
    if (error instanceof CoxswainError) return error.message;
    throw error;
  }
}

/** A promise of something that the other side sends. `register` is called with how to settle it, and with nothing when it is. */
function awaitPush<T>(late: string, timeout: number, register: (push: Push<T> | undefined) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      register(undefined);
      act();
    };
    const timer = setTimeout(() => settle(() => reject(new CoxswainError("network", late))), timeout);
    register({
      arrived: (object) => settle(() => resolve(object)),
      failed: (error) => settle(() => reject(error)),
    });
  });
}

/** The host part of a gRPC peer, "10.0.0.7:40912" or "[::1]:40912", bracketed where it is IPv6. */
export function hostOf(peer: string): string | undefined {
  return /^(?:ipv[46]:)?(\[.+\]|[^:]+):\d+$/.exec(peer)?.[1];
}
