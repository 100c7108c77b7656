/** The coordinator's end of one worker's membership: its control stream, and the way to its gradients. */
import { Metadata } from "@grpc/grpc-js";
import type { ChannelCredentials, ServerDuplexStream } from "@grpc/grpc-js";
import { floatsOf } from "../collective/index.js";
import type { TreeNode } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import { WorkerClient, bulkChannelOptions, bulkDeadline, bulkTimeout, receiveObject, withToken } from "../rpc/index.js";
import type { CoordinatorMessage, JoinOutput, WorkerMessageOutput, WorkerStub } from "../rpc/index.js";

/** How long a worker's own server may take to answer before it is taken for unreachable, ms. */
const reachTimeout = 3_000;

interface Push {
  readonly arrived: (vector: Float32Array) => void;
  readonly failed: (error: Error) => void;
}

const keyOf = (step: number, { first, count }: TreeNode): string => `${step}:${first}:${count}`;

export class WorkerSession {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Contributions are pushed: it has no server, or we cannot reach it. */
  pushes = true;
  readonly #stream: ServerDuplexStream<WorkerMessageOutput, CoordinatorMessage>;
  readonly #dataAddress: string | undefined;
  readonly #dataKey: string;
  #dataClient: WorkerStub | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #awaited = new Map<string, Push>();
  readonly #early = new Map<string, Float32Array>();

  constructor(stream: ServerDuplexStream<WorkerMessageOutput, CoordinatorMessage>, join: JoinOutput) {
    this.id = join.workerId;
    this.host = join.host;
    this.pid = join.pid;
    this.#stream = stream;
    this.#dataKey = join.dataKey;
    const host = join.dataHost === "" ? hostOf(stream.getPeer()) : join.dataHost;
    this.#dataAddress = join.dataPort > 0 && host !== undefined ? `${host}:${join.dataPort}` : undefined;
  }

  send(message: CoordinatorMessage): void {
    if (!this.#closed) this.#stream.write(message);
  }

  keepAlive(timeout: number): void {
    this.#heartbeat = setInterval(() => this.send({ heartbeat: {} }), timeout / 4);
  }

  /** Opens the connection for gradients. Without one, the worker is asked to push. */
  async reach(credentials: ChannelCredentials): Promise<void> {
    if (this.#dataAddress === undefined) return;
    const client = new WorkerClient(this.#dataAddress, credentials, bulkChannelOptions);
    this.#dataClient = client;
    this.pushes = await new Promise<boolean>((resolve) => {
      client.waitForReady(Date.now() + reachTimeout, (error) => resolve(error !== undefined));
    });
  }

  /** @returns the sum of a node's gradients, [size]; rejects when it does not come in time */
  receive(step: number, node: TreeNode, size: number): Promise<Float32Array> {
    return this.pushes ? this.#await(step, node, size) : this.#pull(step, node, size);
  }

  /** A pushed contribution has arrived, perhaps before it was asked for. */
  pushed(step: number, node: TreeNode, vector: Float32Array): void {
    const key = keyOf(step, node);
    const waiting = this.#awaited.get(key);
    if (waiting === undefined) this.#early.set(key, vector);
    else waiting.arrived(vector);
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
    this.#dataClient?.close();
    for (const { failed } of this.#awaited.values()) failed(new Error("the worker is gone"));
    this.#early.clear();
  }

  async #pull(step: number, { first, count }: TreeNode, size: number): Promise<Float32Array> {
    if (this.#dataClient === undefined) throw new CoxswainError("bug", "a pull without a connection");
    const bytes = size * 4;
    const call = this.#dataClient.pullContribution({ step, first, count }, withToken(this.#dataKey, new Metadata()), {
      deadline: bulkDeadline(bytes),
    });
    return floatsOf(await receiveObject(call, bytes));
  }

  #await(step: number, node: TreeNode, size: number): Promise<Float32Array> {
    const key = keyOf(step, node);
    const early = this.#early.get(key);
    if (early !== undefined) {
      this.#early.delete(key);
      return Promise.resolve(early);
    }
    return new Promise<Float32Array>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("nothing was pushed in time")), bulkTimeout(size * 4));
      const settled = (): void => {
        clearTimeout(timer);
        this.#awaited.delete(key);
      };
      this.#awaited.set(key, {
        arrived: (vector) => {
          settled();
          resolve(vector);
        },
        failed: (error) => {
          settled();
          reject(error);
        },
      });
    });
  }
}

/** The host part of a gRPC peer, "10.0.0.7:40912" or "[::1]:40912", bracketed where it is IPv6. */
export function hostOf(peer: string): string | undefined {
  return /^(?:ipv[46]:)?(\[.+\]|[^:]+):\d+$/.exec(peer)?.[1];
}
