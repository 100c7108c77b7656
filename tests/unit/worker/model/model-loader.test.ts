import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, credentials } from "@grpc/grpc-js";
import { afterEach, expect, it, vi } from "vitest";
import { parseRun } from "../../../../src/config/index.js";
import { modelManifest } from "../../../../src/model/index.js";
import { Replica } from "../../../../src/optim/index.js";
import type { WorkerConfig } from "../../../../src/config/index.js";
import {
  CoordinatorClient,
  bulkChannelOptions,
  metadataKeys,
  protocolVersion,
  readRunConfig,
  runConfigMessage,
} from "../../../../src/rpc/index.js";
import type { CoordinatorMessageOutput, RunConfigOutput } from "../../../../src/rpc/index.js";
import { createLogger } from "../../../../src/telemetry/index.js";
import { GrpcCoordinatorCalls } from "../../../../src/worker/grpc/coordinator-calls.js";
import { ModelLoader } from "../../../../src/worker/model/model-loader.js";
import { systemClock } from "../../../../src/clock.js";
import { version } from "../../../../src/version.js";
import { goldenFolder } from "../../../support/runs.js";
import { runId, startHarness } from "../../../support/service-harness.js";

/** A run file as a worker gets it. */
const workerConfig = (text: string): WorkerConfig =>
  readRunConfig(runConfigMessage(parseRun(text, "run.yaml")) as RunConfigOutput);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  vi.unstubAllEnvs();
});

it("a worker without a copy of the model streams it into its cache, once, and loads it", async () => {
  const modelPath = join(goldenFolder, "qwen3-yarn-sharded", "model");
  const cache = await mkdtemp(join(tmpdir(), "coxswain-cache-"));
  closers.push(() => rm(cache, { recursive: true, force: true }));
  vi.stubEnv("COXSWAIN_CACHE", cache);
  const model = await modelManifest(modelPath);
  const harness = await startHarness({ model, modelPath });
  closers.push(() => harness.close());
  const address = `127.0.0.1:${harness.server.port}`;
  const client = new CoordinatorClient(address, credentials.createInsecure(), bulkChannelOptions);
  closers.push(() => client.close());
  const control = client.attend(new Metadata());
  control.on("error", () => undefined);
  control.write({ join: { protocolVersion, softwareVersion: version, workerId: "w", host: "h", pid: 1 } });
  const [first] = (await once(control, "data")) as [CoordinatorMessageOutput];

  const metadata = new Metadata();
  metadata.set(metadataKeys.run, runId);
  metadata.set(metadataKeys.worker, "w");
  metadata.set(metadataKeys.session, first.welcome!.sessionKey);
  const bulk = new GrpcCoordinatorCalls(client, metadata, "float32");
  const pulled = vi.spyOn(bulk, "pullModelFile");
  const options = {
    modelFolder: undefined,
    device: undefined,
    clock: systemClock,
    logger: createLogger({ name: "test", level: "silent" }).logger,
  };
  const welcome = {
    model: { hash: model.hash, files: [...model.files] },
    modelPath: "/no/such/folder/here",
    runDigest: "digest",
  };
  const config = workerConfig("model: m\noutput_dir: o\ndata: { train: t }\nlora: { r: 2 }\ncompute: { threads: 2 }\n");

  for (let time = 0; time < 2; time++) {
    const loader = new ModelLoader(options);
    const loaded = await loader.load(welcome, config, bulk);
    expect(loaded.layout.size).toBeGreaterThan(0);
    expect(loaded.replica.size).toBe(loaded.layout.size);
    await loader.close();
    // The second time nothing more is pulled.
    expect(pulled.mock.calls.map(([name]) => name).sort()).toEqual(model.files.map(({ name }) => name).sort());
  }
  expect((await modelManifest(join(cache, "models", "by-content", model.hash))).hash).toBe(model.hash);
});

it("a worker keeps its open model for the next run, but nothing that depends on the previous run", async () => {
  const modelPath = join(goldenFolder, "qwen3-yarn-sharded", "model");
  const model = await modelManifest(modelPath);
  const loader = new ModelLoader({
    modelFolder: modelPath,
    device: undefined,
    clock: systemClock,
    logger: createLogger({ name: "test", level: "silent" }).logger,
  });
  closers.push(() => loader.close());
  const client = new CoordinatorClient("127.0.0.1:1", credentials.createInsecure(), bulkChannelOptions);
  closers.push(() => client.close());
  const bulk = new GrpcCoordinatorCalls(client, new Metadata(), "float32");
  const load = (runDigest: string, training: string): ReturnType<ModelLoader["load"]> => {
    const files = { hash: model.hash, files: [...model.files] };
    const text = `model: m\noutput_dir: o\ndata: { train: t }\nlora: { r: 2 }\ncompute: { threads: 2 }\ntraining: ${training}\n`;
    const welcome = { model: files, modelPath, runDigest };
    return loader.load(welcome, workerConfig(text), bulk);
  };
  const step = (replica: Replica): string => {
    const gradient = new Float32Array(replica.size).fill(1);
    replica.apply({ step: replica.step + 1, gradient, learningRate: 0.1, scale: 1 });
    return replica.hash();
  };
  const settings = "{ adam_beta1: 0.5, weight_decay: 0.1 }";

  const first = await load("run A", settings);
  first.replica.restore(0, new Uint8Array(first.replica.toBytes().fill(1)));
  first.replicaOf = "run A";
  step(first.replica);
  // The same run again: what it has is kept.
  expect(await load("run A", settings)).toBe(first);
  const second = await load("run B", "{ adam_beta1: 0.9, weight_decay: 0 }");
  expect(second.trainable).toBe(first.trainable);
  expect(second.replicaOf).toBeUndefined();
  expect(second.replica.step).toBe(0);

  const fresh = new Replica(second.replica.size, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  for (const replica of [second.replica, fresh]) replica.restore(0, new Uint8Array(12 * replica.size).fill(1));
  expect(step(second.replica)).toBe(step(fresh));
});
