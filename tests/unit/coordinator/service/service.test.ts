import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { Metadata, credentials, status } from "@grpc/grpc-js";
import type { ClientDuplexStream, ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { modelManifest } from "../../../../src/model/index.js";
import type {
  CoordinatorMessageOutput,
  CoordinatorStub,
  EngineWord,
  WorkerMessage,
} from "../../../../src/rpc/index.js";
import {
  CoordinatorClient,
  bulkChannelOptions,
  controlChannelOptions,
  metadataKeys,
  engineWords,
  protocolVersion,
  receiveObject,
  withToken,
} from "../../../../src/rpc/index.js";
import { version } from "../../../../src/version.js";
import { goldenFolder } from "../../../support/runs.js";
import { layoutFingerprint, runId, startHarness } from "../../../support/service-harness.js";
import type { Harness, HarnessOptions } from "../../../support/service-harness.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function harness(options: HarnessOptions = {}): Promise<{ server: Harness; client: CoordinatorStub }> {
  const server = await startHarness(options);
  const address = `127.0.0.1:${server.server.port}`;
  const client = new CoordinatorClient(address, credentials.createInsecure(), {
    ...controlChannelOptions,
    ...bulkChannelOptions,
    "grpc.max_send_message_length": -1,
  });
  closers.push(() => server.close());
  closers.push(() => client.close());
  return { server, client };
}

type Stream = ClientDuplexStream<WorkerMessage, CoordinatorMessageOutput>;

const join1 = (overrides: object = {}): WorkerMessage => ({
  join: { protocolVersion, softwareVersion: version, workerId: "w", host: "h", pid: 1, ...overrides },
});

/** The error that a stream ends with. */
async function refusal(stream: Stream | ClientReadableStream<unknown>): Promise<ServiceError> {
  stream.resume();
  const [error] = (await once(stream, "error")) as [ServiceError];
  return error;
}

async function next(stream: Stream): Promise<CoordinatorMessageOutput> {
  const [message] = (await once(stream, "data")) as [CoordinatorMessageOutput];
  return message;
}

async function joined(client: CoordinatorStub, token?: string): Promise<Stream> {
  const stream = client.attend(withToken(token));
  stream.on("error", () => undefined);
  stream.write(join1());
  const { welcome } = await next(stream);
  sessionKey = welcome!.sessionKey;
  return stream;
}

/** Of the worker that was welcomed last. */
let sessionKey = "";

const memberMetadata = (): Metadata => {
  const metadata = new Metadata();
  metadata.set(metadataKeys.run, runId);
  metadata.set(metadataKeys.worker, "w");
  metadata.set(metadataKeys.session, sessionKey);
  return metadata;
};

it("a worker that joins after the end of the run is dismissed without getting the model", async () => {
  const { server, client } = await harness();
  server.conductor.dispatch({ type: "stop", reason: "enough", returning: false });
  const stream = client.attend(withToken(undefined));
  stream.write(join1());
  expect((await next(stream)).finish).toEqual({ reason: "stopped", completed: false, returning: false });
  stream.resume();
  await once(stream, "end");
  expect(server.conductor.session("w")).toBeUndefined();
});

it("all workers, present and joining, learn that the coordinator will return", async () => {
  const { server, client } = await harness();
  const there = await joined(client, undefined);
  server.conductor.dispatch({ type: "stop", reason: "interrupted", returning: true });
  const expected = { reason: "stopped", completed: false, returning: true };
  expect((await next(there)).finish).toEqual(expected);
  const late = client.attend(withToken(undefined));
  late.write(join1({ workerId: "another" }));
  expect((await next(late)).finish).toEqual(expected);
});

it("an error while a worker joins ends that worker's stream, not the coordinator", async () => {
  const { server, client } = await harness({
    reach: ({ id }) => (id === "w" ? Promise.reject(new Error("a certificate of nobody")) : Promise.resolve()),
  });
  const stream = await joined(client);
  stream.write({ ready: { layoutFingerprint, engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" } });
  const error = await refusal(stream);
  expect(error.code).toBe(status.INTERNAL);
  expect(error.details).toBe("the coordinator could not take this worker in: a certificate of nobody");
  expect(server.conductor.session("w")).toBeUndefined();
  const other = client.attend(withToken(undefined));
  other.write(join1({ workerId: "another" }));
  expect((await next(other)).message).toBe("welcome");
  other.write({ ready: { layoutFingerprint, engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" } });
  expect((await next(other)).synchronise).not.toBeNull();
});

describe("workers that are refused", () => {
  it("a worker without the run's token, or with a different one", async () => {
    const { client } = await harness({ token: "secret" });
    for (const token of [undefined, "other", "secret2"]) {
      const error = await refusal(client.attend(withToken(token)));
      expect(error.code).toBe(status.UNAUTHENTICATED);
      expect(error.details).toContain("token");
    }
    await joined(client, "secret");
  });

  it("a worker with a different version: the refusal names both", async () => {
    const { client } = await harness();
    const stream = client.attend(new Metadata());
    stream.write(join1({ protocolVersion: protocolVersion + 1, softwareVersion: "9.9.9" }));
    const error = await refusal(stream);
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    expect(error.details).toMatch(new RegExp(`9\\.9\\.9.*protocol ${protocolVersion + 1}.*same version`));
  });

  it("a second worker with the same name, and one that sends anything before it joins", async () => {
    const { client } = await harness();
    await joined(client);
    const second = client.attend(new Metadata());
    second.write(join1());
    expect((await refusal(second)).details).toContain("already takes part");
    const rude = client.attend(new Metadata());
    rude.write({ heartbeat: {} });
    expect((await refusal(rude)).code).toBe(status.FAILED_PRECONDITION);
  });

  it("a worker that interprets the model differently", async () => {
    const { client, server } = await harness();
    const stream = await joined(client);
    stream.write({
      ready: { layoutFingerprint: "another", engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" },
    });
    const { details } = await refusal(stream);
    expect(details).toContain("layout");
    // The record says why it is not there any more.
    expect(server.events.at(-1)).toMatchObject({ event: "worker_left", reason: details });
  });
});

describe("a worker with a different engine or backend than the others", () => {
  const ready = (engine: EngineWord, backend: string) => ({
    layoutFingerprint,
    engine: engineWords.valueOf(engine),
    device: "DEVICE_CPU" as const,
    backend,
  });

  it("is refused with a hint, once a shard of theirs was accepted", async () => {
    const { server, client } = await harness();
    const first = await joined(client);
    first.write({ ready: ready("tfjs", "wasm") });
    expect((await next(first)).synchronise).toMatchObject({ step: 0 });
    server.conductor.engines.accepted({ engine: "tfjs", backend: "wasm", device: "cpu" });
    const other = client.attend(new Metadata());
    other.write(join1({ workerId: "other" }));
    expect((await next(other)).welcome).toBeTruthy();
    other.write({ ready: ready("tfjs", "tfjs-node") });
    const { code, details } = await refusal(other);
    expect(code).toBe(status.FAILED_PRECONDITION);
    expect(details).toMatch(
      /computed with tfjs \(wasm\) on cpu, this worker computes with tfjs \(tfjs-node\).*allow_mixed_engines/,
    );
    expect(server.events).toContainEqual(
      expect.objectContaining({ event: "engine_chosen", engine: "tfjs", backend: "wasm" }),
    );
  });

  it("takes part if the run allows it", async () => {
    const { client } = await harness({ allowMixedEngines: true });
    for (const [workerId, engine, backend] of [
      ["one", "onnx", "onnxruntime"],
      ["two", "tfjs", "wasm"],
    ] as const) {
      const stream = client.attend(new Metadata());
      stream.write(join1({ workerId }));
      expect((await next(stream)).welcome).toBeTruthy();
      stream.write({ ready: ready(engine, backend) });
      expect((await next(stream)).synchronise).toMatchObject({ step: 0 });
    }
  });

  it("is refused if its engine or device is unknown or missing", async () => {
    for (const wrong of [{ engine: 99 }, { device: 99 }, { engine: 0 }, { device: 0 }]) {
      const { client } = await harness();
      const stream = await joined(client);
      stream.write({ ready: { ...ready("tfjs", "wasm"), ...wrong } as object });
      const { code, details } = await refusal(stream);
      expect(code).toBe(status.FAILED_PRECONDITION);
      expect(details).toContain("install the same version on both");
    }
  });

  it("cannot write arbitrary text into the run's record", async () => {
    const { client } = await harness();
    const stream = await joined(client);
    stream.write({ ready: { ...ready("tfjs", "wasm"), backendReason: "one line\nanother" } });
    expect((await refusal(stream)).details).toContain("a line of at most 2000 characters");
  });
});

describe("an unauthenticated caller", () => {
  it("cannot pull gradients, replicas or the model without attending this run", async () => {
    const { client } = await harness();
    for (const metadata of [new Metadata(), memberMetadata()]) {
      for (const call of [
        client.pullReplica({}, metadata),
        client.pullReduced({ step: 1 }, metadata),
        client.pullModelFile({ name: "config.json" }, metadata),
      ]) {
        expect((await refusal(call)).code).toBe(status.PERMISSION_DENIED);
      }
    }
  });

  it("cannot disturb the coordinator with an oversized message", async () => {
    const { client } = await harness();
    const stream = client.attend(new Metadata());
    stream.write(join1({ host: "x".repeat(5 * 1024 * 1024) }));
    expect((await refusal(stream)).code).toBe(status.RESOURCE_EXHAUSTED);
    await joined(client);
  });

  it("cannot disturb it with bytes that are not gRPC", async () => {
    const { server, client } = await harness();
    const socket = connect(server.server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.on("error", () => undefined);
    closers.push(() => socket.destroy());
    const garbage = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * 31) % 251));
    await new Promise((resolve) => socket.write(garbage, resolve));
    await joined(client);
  });
});

describe("a member pulls", () => {
  it("the replica of the newest commit with its step", async () => {
    const { server, client } = await harness();
    server.replica.parameters.fill(0.5);
    const stream = await joined(client);
    const early = await refusal(client.pullReplica({}, memberMetadata()));
    expect(early).toMatchObject({ code: status.FAILED_PRECONDITION });
    stream.write({ ready: { layoutFingerprint, engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" } });
    expect((await next(stream)).synchronise).toMatchObject({ step: 0 });
    const call = client.pullReplica({}, memberMetadata());
    const metadata = once(call, "metadata") as Promise<[Metadata]>;
    const bytes = await receiveObject(call, 16 * 12);
    expect((await metadata)[0].get(metadataKeys.step)).toEqual(["0"]);
    expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 16)]).toEqual(new Array(16).fill(0.5));
  });

  it("a file of the model, and nothing outside it", async () => {
    const modelPath = join(goldenFolder, "llama", "model");
    const model = await modelManifest(modelPath);
    const { client } = await harness({ model, modelPath });
    await joined(client);
    const weights = model.files.find(({ name }) => name === "model.safetensors")!;
    const call = client.pullModelFile({ name: weights.name }, memberMetadata());
    expect((await receiveObject(call, weights.bytes)).byteLength).toBe(weights.bytes);
    for (const name of ["../train.jsonl", "/etc/passwd", "nothing"]) {
      expect((await refusal(client.pullModelFile({ name }, memberMetadata()))).code).toBe(status.NOT_FOUND);
    }
  });

  it("a gradient, and gets NOT_FOUND if it is not kept", async () => {
    const { client } = await harness();
    await joined(client);
    expect((await refusal(client.pullReduced({ step: 7, offset: 0, length: 16 }, memberMetadata()))).code).toBe(
      status.NOT_FOUND,
    );
  });
});

describe("the control stream", () => {
  it("goes from Ready through the replica to leases with their rows", async () => {
    const { server, client } = await harness();
    const stream = await joined(client);
    stream.write({ ready: { layoutFingerprint, engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" } });
    expect((await next(stream)).synchronise).toMatchObject({ step: 0 });
    stream.write({ applied: { step: 0, stateHash: server.replica.hash() } });
    const { lease } = await next(stream);
    expect(lease).toMatchObject({ task: "TASK_TRAIN", step: 1, first: 0, roundShards: 2, push: true });
    expect(lease?.shards.map(({ rows }) => rows.map(({ segments }) => segments))).toEqual([[[2]], [[2]]]);
  });

  it("reports a failed worker with its error", async () => {
    const { server, client } = await harness();
    const stream = await joined(client);
    stream.write({ failed: { code: "model", message: "no such tensor", hint: "look" } });
    await once(stream.resume(), "end");
    expect(server.failures).toMatchObject([{ code: "model", message: "no such tensor", hint: "look" }]);
  });

  it("is counted by method and status code", async () => {
    const { server, client } = await harness();
    await refusal(client.pullReduced({ step: 7, offset: 0, length: 16 }, new Metadata()));
    expect(server.handled).toContain("coxswain.v1.Coordinator/PullReduced PERMISSION_DENIED");
  });
});
