/** The coordinator's end of one worker's membership: its control stream and the transfer of its gradients. */
import { randomBytes } from "node:crypto";
import type { Clock, Timer } from "../../clock.js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import { bulkTimeout, replicaLength } from "../../rpc/index.js";
import type { CoordinatorMessage, JoinOutput, Peer, PulledChecksum, ReplicaBytes, Wanted } from "../../rpc/index.js";
import type { Readiness } from "./bounds.js";
import type { DataNetworks } from "./data-networks.js";
import type { Slice } from "../machine/index.js";
import { PushedSums } from "./pushed-sums.js";
import type { DeliveredSum } from "./pushed-sums.js";
import type { ConnectToWorker, ControlCall, WorkerServer } from "./transport.js";

interface AwaitedReplica {
  readonly arrived: (replica: ReplicaBytes) => void;
  readonly failed: (error: Error) => void;
}

/** A worker that was asked to pull the replica does so once, and again if the connection breaks. */
const pullsPerSynchronise = 8;

export class WorkerSession {
  readonly id: string;
  /** Welcome.session_key: the worker's bulk calls show it. */
  readonly key = randomBytes(24).toString("hex");
  readonly host: string;
  readonly pid: number;
  /** The worker pushes its contributions: it has no server, or the coordinator cannot reach it. */
  pushes = true;
  /** The worker has sent its ready message. */
  isReady = false;
  /** What the worker computes with, once it is ready. */
  computation: Readiness | undefined;
  readonly joinedAt: Date;
  /** What the worker pushes. */
  readonly sums: PushedSums;
  readonly #stream: ControlCall;
  readonly #clock: Clock;
  #dataAddress: string | undefined;
  /** The host that the worker gives for its server, and the port; undefined unless it gives one. */
  readonly #advertised: { readonly host: string; readonly port: number } | undefined;
  readonly #dataKey: string;
  readonly #dataCertificate: Uint8Array;
  #server: WorkerServer | undefined;
  #heartbeat: Timer | undefined;
  /** A message was sent since that timer last fired, so no heartbeat is needed. */
  #spoke = false;
  #closed = false;
  /** Pulls of the replica that the worker may make. */
  #replicaPulls = 0;
  /** Workers whose address was sent to this one. */
  readonly #introduced = new Set<string>();
  #awaitedReplica: AwaitedReplica | undefined;

  constructor(stream: ControlCall, join: JoinOutput, clock: Clock) {
    this.id = join.workerId;
    this.host = join.host;
    this.pid = join.pid;
    this.#stream = stream;
    this.#clock = clock;
    this.sums = new PushedSums(join.workerId, clock);
    this.joinedAt = new Date(clock.wallClock());
    this.#dataKey = join.dataKey;
    this.#dataCertificate = join.dataCertificate;
    const host = join.dataHost === "" ? stream.host : join.dataHost;
    this.#advertised =
      join.dataPort > 0 && join.dataHost !== "" ? { host: join.dataHost, port: join.dataPort } : undefined;
    this.#dataAddress = join.dataPort > 0 && host !== undefined ? `${host}:${join.dataPort}` : undefined;
  }

  send(message: CoordinatorMessage): void {
    this.#spoke = true;
    if ("synchronise" in message) this.#replicaPulls = pullsPerSynchronise;
    if (!this.#closed) this.#stream.send(message);
  }

  /** Registers a pull of the replica. @returns whether the worker was asked for it, and has not pulled it too often */
  takeReplicaPull(): boolean {
    return this.#replicaPulls-- > 0;
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
   * @param networks the addresses that the coordinator connects to. Default: any
   * @returns the reason, if the worker has a server that cannot be used
   */
  async reach(connect: ConnectToWorker, networks?: Pick<DataNetworks, "allow">): Promise<string | undefined> {
    if (this.#advertised !== undefined && networks !== undefined) {
      const allowed = await networks.allow(this.#advertised.host, this.#stream.host);
      if ("reason" in allowed) return allowed.reason;
      this.#dataAddress = `${allowed.host}:${this.#advertised.port}`;
    }
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
  async receive(step: number, node: TreeNode, into: Float32Array, dtype: VectorDtype): Promise<DeliveredSum> {
    if (this.pushes) return this.sums.take(step, node, into.length);
    const { first, count } = node;
    const wanted = { contribution: { step, first, count, offset: 0, length: into.length } };
    return { vector: into, checksum: await this.#pull(wanted, into, dtype) };
  }

  /**
   * Pulls a slice that this worker has reduced; rejects if it does not arrive in time.
   * @param into [slice.length]
   * @returns its checksum
   */
  gather(step: number, { offset, length }: Slice, into: Float32Array, dtype: VectorDtype): Promise<PulledChecksum> {
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

  /** Whether a replica has been requested from the worker and has not arrived yet. */
  get awaitsReplica(): boolean {
    return this.#awaitedReplica !== undefined;
  }

  pushedReplica(replica: ReplicaBytes): void {
    this.#awaitedReplica?.arrived(replica);
  }

  /** Ends the stream: the worker cannot take part as it is. The caller removes and closes the session. */
  refuse(reason: string): void {
    if (!this.#closed) this.#stream.refuse("unfit", reason);
  }

  /** Ends the stream and rejects everything that waits for this worker. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#heartbeat?.cancel();
    this.#stream.end();
    this.#server?.close();
    const gone = new CoxswainError("network", "the worker is gone");
    this.sums.close(gone);
    this.#awaitedReplica?.failed(gone);
  }

  async #pull(wanted: Wanted, into: Float32Array, dtype: VectorDtype): Promise<PulledChecksum> {
    if (this.#server === undefined) throw new CoxswainError("bug", "a pull without a connection");
    return this.#server.pull(wanted, into, dtype);
  }

  #awaitReplica(bytes: number): Promise<ReplicaBytes> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        timer.cancel();
        this.#awaitedReplica = undefined;
        act();
      };
      const fail = (error: Error): void => settle(() => reject(error));
      const late = (): void => fail(new CoxswainError("network", "no replica was pushed in time"));
      const timer = this.#clock.after(bulkTimeout(bytes), late);
      this.#awaitedReplica = { arrived: (replica) => settle(() => resolve(replica)), failed: fail };
    });
  }
}
