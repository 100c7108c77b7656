import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, credentials } from "@grpc/grpc-js";
import { afterEach, expect, it, vi } from "vitest";
import { parseRun } from "../../../src/config/index.js";
import { modelManifest } from "../../../src/model/index.js";
import { CoordinatorClient, bulkChannelOptions, metadataKeys, protocolVersion } from "../../../src/rpc/index.js";
import { createLogger } from "../../../src/telemetry/index.js";
import { BulkClient } from "../../../src/worker/bulk-client.js";
import { ModelLoader } from "../../../src/worker/model.js";
import type { WorkerOptions } from "../../../src/worker/index.js";
import { goldenFolder } from "../../support/runs.js";
import { runId, startHarness } from "../../support/service-harness.js";

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
  control.write({ join: { protocolVersion, softwareVersion: "1", workerId: "w", host: "h", pid: 1 } });
  await new Promise((resolve) => control.once("data", resolve));

  const metadata = new Metadata();
  metadata.set(metadataKeys.run, runId);
  metadata.set(metadataKeys.worker, "w");
  const bulk = new BulkClient(client, metadata, "float32");
  const pulled = vi.spyOn(bulk, "pullModelFile");
  const options: Partial<WorkerOptions> = {
    modelFolder: undefined,
    device: undefined,
    logger: createLogger({ name: "test", level: "silent" }).logger,
  };
  const welcome = {
    runId,
    runConfig: "",
    model: { hash: model.hash, files: [...model.files] },
    modelPath: "/no/such/folder/here",
    silenceTimeoutMs: 1,
    runDigest: "digest",
  };
  const config = parseRun(
    "model: m\noutput_dir: o\ndata: { train: t }\nlora: { r: 2 }\ncompute: { threads: 2 }\n",
    "run.yaml",
  );

  for (let time = 0; time < 2; time++) {
    const loader = new ModelLoader(options as WorkerOptions);
    const loaded = await loader.load(welcome, config, bulk);
    expect(loaded.layout.size).toBeGreaterThan(0);
    expect(loaded.replica.size).toBe(loaded.layout.size);
    await loader.close();
    // The second time nothing more is pulled.
    expect(pulled.mock.calls.map(([name]) => name).sort()).toEqual(model.files.map(({ name }) => name).sort());
  }
  expect((await modelManifest(join(cache, "models", "by-content", model.hash))).hash).toBe(model.hash);
});
