/** Callers of a server: an honest worker without an engine, and the raw connections that a hostile one would use. */
import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Metadata, credentials } from "@grpc/grpc-js";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { expect } from "vitest";
import { HealthClient } from "./health-client.js";
import { vectorChecksum } from "../../src/collective/index.js";
import { Replica } from "../../src/optim/index.js";
import type { CoordinatorMessageOutput, CoordinatorStub, LeaseOutput, WorkerMessage } from "../../src/rpc/index.js";
import {
  CoordinatorClient,
  controlChannelOptions,
  metadataKeys,
  nodeChecksum,
  protocolVersion,
  receiveObject,
  receiveVector,
  sendVector,
  withToken,
} from "../../src/rpc/index.js";
import { version } from "../../src/version.js";
import { layoutFingerprint, runId } from "./service-harness.js";
import type { Harness } from "./service-harness.js";

/** An address of this machine that honest callers do not use. */
export const elsewhere = "127.0.0.2";

export type Control = ClientDuplexStream<WorkerMessage, CoordinatorMessageOutput>;

export const joinOf = (workerId: string, overrides: object = {}): WorkerMessage => ({
  join: { protocolVersion, softwareVersion: version, workerId, host: "h", pid: 1, ...overrides },
});

export const clientOf = (port: number): CoordinatorStub =>
  new CoordinatorClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    ...controlChannelOptions,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_send_message_length": -1,
  });

/** @param key of the session, from the welcome */
export function memberMetadata(
  workerId: string,
  key: string,
  token: string,
  more: Record<string, number | string> = {},
): Metadata {
  const metadata = withToken(token, new Metadata());
  metadata.set(metadataKeys.run, runId);
  metadata.set(metadataKeys.worker, workerId);
  metadata.set(metadataKeys.session, key);
  for (const [key, value] of Object.entries(more)) metadata.set(key, String(value));
  return metadata;
}

/** A member that has been welcomed, and says what a test makes it say. */
export interface WelcomedMember {
  readonly client: CoordinatorStub;
  readonly control: Control;
  /** Of its session. */
  readonly key: string;
  /** The coordinator's next message, heartbeats apart. */
  readonly next: () => Promise<CoordinatorMessageOutput>;
}

/** The caller closes its client. */
export async function welcomedMember(port: number, token: string, id: string): Promise<WelcomedMember> {
  const client = clientOf(port);
  const control = client.attend(withToken(token));
  control.on("error", () => undefined);
  const messages = control[Symbol.asyncIterator]() as AsyncIterator<CoordinatorMessageOutput>;
  const next = async (): Promise<CoordinatorMessageOutput> => {
    for (;;) {
      const result = await messages.next();
      if (result.done === true) throw new Error("the stream is over");
      if (result.value.message !== "heartbeat") return result.value;
    }
  };
  control.write(joinOf(id));
  const { welcome } = await next();
  if (!welcome) throw new Error("the member was not welcomed");
  return { client, control, key: welcome.sessionKey, next };
}

/** Takes part until it has the lease of the whole first step. */
export async function leaseFirstStep({ control, next }: WelcomedMember, { replica }: Harness): Promise<void> {
  control.write({ ready: { layoutFingerprint, engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" } });
  expect((await next()).message).toBe("synchronise");
  control.write({ applied: { step: 0, stateHash: replica.hash() } });
  expect((await next()).lease).toMatchObject({ step: 1, first: 0 });
}

/** The gradient of a shard that every honest worker computes. */
export const gradientOf = (step: number, shard: number, size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, index) => Math.sin(step * 7 + shard * 3 + index));

/** Each worker is a process of its own. */
let processes = 0;

/** An honest member: computes what it is leased, applies what is committed. */
export class HonestWorker {
  readonly control: Control;
  readonly replica: Replica;
  /** Resolves when the run is over, with whether it was completed. */
  readonly finished: Promise<boolean>;
  readonly pid = ++processes;
  readonly #client: CoordinatorStub;
  #key = "";

  constructor(
    port: number,
    readonly token: string,
    readonly id: string,
    readonly size: number,
    /** Called before the shards of a lease are computed. */
    readonly beforeComputing: (step: number) => Promise<void> = () => Promise.resolve(),
    /** What it computes. */
    readonly gradient: typeof gradientOf = gradientOf,
  ) {
    this.#client = clientOf(port);
    this.replica = new Replica(size, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
    this.control = this.#client.attend(withToken(token));
    this.control.on("error", () => undefined);
    this.control.write(joinOf(id, { pid: this.pid }));
    this.finished = this.#work();
  }

  close(): void {
    this.#client.close();
  }

  async #work(): Promise<boolean> {
    for await (const message of this.control as AsyncIterable<CoordinatorMessageOutput>) {
      const { welcome, synchronise, lease, commit, finish } = message;
      if (welcome) this.#key = welcome.sessionKey;
      if (welcome)
        this.control.write({
          ready: { layoutFingerprint, engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" },
        });
      if (synchronise) await this.#synchronise(synchronise.step);
      if (lease) await this.#compute(lease);
      if (commit) await this.#apply(commit.step, commit.learningRate, commit.scale);
      if (finish) return finish.completed;
    }
    throw new Error(`the stream of ${this.id} was closed`);
  }

  #metadata(more: Record<string, number | string> = {}): Metadata {
    return memberMetadata(this.id, this.#key, this.token, more);
  }

  async #synchronise(step: number): Promise<void> {
    const call = this.#client.pullReplica({}, this.#metadata());
    this.replica.restore(step, await receiveObject(call, this.size * 12));
    this.control.write({ applied: { step, stateHash: this.replica.hash() } });
  }

  async #compute({ step, first, shards }: LeaseOutput): Promise<void> {
    await this.beforeComputing(step);
    for (let shard = first; shard < first + shards.length; shard++) {
      this.control.write({
        computed: { task: "TASK_TRAIN", step, shard, lossSum: 1, supervisedTokens: 1, seconds: 0.01 },
      });
      const gradient = this.gradient(step, shard, this.size);
      const checksums = [vectorChecksum(gradient, "float32")];
      this.control.write({ contribution: { step, first: shard, count: 1, checksums } });
      await pushVector(this.#client, this.#metadata(nodeKeys(step, shard, 1)), (call) =>
        sendVector(call, gradient, "float32"),
      ).catch(() => undefined);
    }
  }

  async #apply(step: number, learningRate: number, scale: number): Promise<void> {
    if (step !== this.replica.step + 1) return;
    const gradient = new Float32Array(this.size);
    const request = { step, offset: 0, length: this.size };
    await receiveVector(this.#client.pullReduced(request, this.#metadata()), gradient, "float32");
    this.replica.apply({ step, gradient, learningRate, scale });
    this.control.write({ applied: { step, stateHash: this.replica.hash() } });
  }
}

export const nodeKeys = (step: number | string, first: number | string, count: number | string) => ({
  [metadataKeys.step]: step,
  [metadataKeys.first]: first,
  [metadataKeys.count]: count,
  [metadataKeys.checksum]: nodeChecksum(Number(step), Number(first), Number(count)),
});

type Push = ReturnType<CoordinatorStub["pushContribution"]>;

/** Resolves when the push was accepted; rejects with the reason otherwise. */
export function pushVector(
  client: CoordinatorStub,
  metadata: Metadata,
  send: (call: Push) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = client.pushContribution(metadata, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
    call.on("error", () => undefined);
    send(call).then(
      () => call.end(),
      () => undefined,
    );
  });
}

/** The error that a call ends with. */
export async function refusal(call: NodeJS.EventEmitter & { resume?(): unknown }): Promise<ServiceError> {
  call.resume?.();
  const [error] = (await once(call, "error")) as [ServiceError];
  return error;
}

/** Raw bytes on a connection. */
export async function rawSocket(port: number, localAddress = elsewhere): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket.resume();
}

/** HTTP/2 without a gRPC library. */
export function http2Session(port: number, localAddress = elsewhere): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`, {
    createConnection: () => connect({ port, host: "127.0.0.1", localAddress }),
  });
  session.on("error", () => undefined);
  return session;
}

/** A call with an arbitrary body. */
export function rawCall(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
): ClientHttp2Stream {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.on("error", () => undefined);
  return stream.resume();
}

/** gRPC's framing: compressed or not, length, message. */
export function frame(message: Uint8Array, announced = message.length, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed);
  head.writeUInt32BE(announced, 1);
  return Buffer.concat([head, message]);
}

/** The status that a raw call ends with; undefined if it, or its connection, was closed without one. */
export function statusOf(stream: ClientHttp2Stream): Promise<number | undefined> {
  return new Promise((resolve) => {
    const read = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] === undefined) return;
      resolve(Number(headers["grpc-status"]));
      stream.close(constants.NGHTTP2_CANCEL);
    };
    stream.on("response", read).on("trailers", read);
    if (stream.closed) resolve(undefined);
    else stream.once("close", () => resolve(undefined));
  });
}

/** Sends bytes and waits until the server has processed them. */
export async function sendRaw(port: number, bytes: Uint8Array): Promise<void> {
  const socket = await rawSocket(port);
  socket.write(bytes);
  await healthCheck(port);
  socket.destroy();
}

/** Milliseconds that a health check takes. */
export async function healthCheck(port: number): Promise<number> {
  const client = new HealthClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  const start = performance.now();
  try {
    await client.check();
    return performance.now() - start;
  } finally {
    client.close();
  }
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes in use after a garbage collection. */
export function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Trains with one honest worker to the end; gives the hash of the result. */
export async function trainToTheEnd(server: Harness, token: string, size: number): Promise<string> {
  const worker = new HonestWorker(server.server.port, token, "honest", size);
  try {
    if (!(await worker.finished)) throw new Error("the run was not completed");
    if (worker.replica.hash() !== server.replica.hash()) throw new Error("the replicas differ");
    return worker.replica.hash();
  } finally {
    worker.close();
  }
}
