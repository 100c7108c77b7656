import { memory } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Trainable } from "../../../src/compute/engine.js";
import { backendNames, loadBackend } from "../../../src/compute/tfjs/backends.js";
import { tfjsEngine } from "../../../src/compute/tfjs/engine.js";
import { collate, type Row } from "../../../src/data/row.js";
import { relativeDifference } from "../../support/allclose.js";
import { options, withGolden } from "../../support/compute/engine.js";
import { openGolden } from "../../support/compute/golden.js";

const key = { seed: 7, step: 3, shard: 1 };

// Tensors are counted by a backend.
beforeAll(() => loadBackend({ order: ["wasm"], device: "cpu", threads: 1 }));

/** Everything that a run asks of a model, once. */
async function step(trainable: Trainable, rows: readonly Row[]): Promise<void> {
  const gradient = new Float32Array(trainable.layout.size);
  await trainable.setParameters(Float32Array.from(gradient, (_, i) => 0.02 * Math.sin(i)));
  await trainable.gradients(collate(rows.slice(0, 2)), gradient);
  await trainable.gradients(collate(rows.slice(2, 4)), gradient, key);
  await trainable.loss(collate(rows.slice(0, 3)));
  const decoder = await trainable.decoder(2);
  await decoder.feed(Int32Array.of(3, 4, 5, 6), Uint8Array.of(1, 1, 0, 1), 2);
  await decoder.feed(Int32Array.of(7, 8), Uint8Array.of(1, 1), 1);
  await decoder.close();
}

describe("memory does not grow from step to step", () => {
  it.each([
    ["qwen3", false],
    ["qwen3", true],
    ["phi3", false],
    ["gemma2-packed", true],
    ["gemma3", false],
    ["gpt2-packed", true],
  ] as const)("%s, gradient checkpointing: %s", async (name, gradientCheckpointing) => {
    const before = memory();
    await withGolden(
      name,
      async (trainable, { rows }) => {
        await step(trainable, rows);
        const first = memory();
        for (let again = 0; again < 3; again++) await step(trainable, rows);
        expect(memory().numTensors).toBe(first.numTensors);
        expect(memory().numBytes).toBe(first.numBytes);
      },
      { engine: "tfjs", dropout: 0.2, gradientCheckpointing },
    );
    expect(memory().numTensors).toBe(before.numTensors);
    expect(memory().numBytes).toBe(before.numBytes);
  });

  it("also after failures or with abandoned work", async () => {
    const before = memory().numTensors;
    await withGolden(
      "llama",
      async (trainable, { rows }) => {
        const open = memory().numTensors;
        const batch = collate(rows);
        // A batch that lies about its size: the runtime complains in the middle of the forward pass.
        const broken = { ...batch, rows: batch.rows + 1 };
        await expect(trainable.gradients(broken, new Float32Array(trainable.layout.size))).rejects.toMatchObject({
          code: "bug",
          message: expect.stringContaining("TensorFlow.js (wasm) failed (gradients)") as string,
        });
        expect(memory().numTensors).toBe(open);
        const decoder = await trainable.decoder(1);
        await decoder.feed(Int32Array.of(3, 4), Uint8Array.of(1, 1), 2);
      },
      { engine: "tfjs" },
    );
    expect(memory().numTensors).toBe(before);
  });
});

describe("the choice of a backend is reported", () => {
  const broken =
    "\nThe Node.js native addon module (tfjs_binding.node) can not be found at path: lib/napi-v8/tfjs_binding.node.";
  const request = { order: backendNames, device: "cpu", threads: 1, nodeVersion: "22.12.0" } as const;

  it("native ones first, then WebAssembly, with the reason for each that does not load", async () => {
    const asked: string[] = [];
    const load = async (name: string): Promise<unknown> => {
      asked.push(name);
      if (name.endsWith("gpu")) throw new Error(`Cannot find package '${name}' imported from backends.js`);
      if (name.endsWith("node")) throw new Error(broken);
      return import(name);
    };
    const { report } = await loadBackend({ ...request, load });
    expect(asked.map((name) => name.replace("@tensorflow/", ""))).toEqual([
      "tfjs-node-gpu",
      "tfjs-node",
      "tfjs-backend-wasm",
    ]);
    expect(report).toEqual({
      name: "wasm",
      reason: "passed over tfjs-node-gpu: not installed; tfjs-node: installed without its native addon",
      warning: null,
    });
  });

  it("no native one on a Node.js that cannot load its addon, with that reason", async () => {
    const { report } = await loadBackend({ ...request, nodeVersion: "24.1.0" });
    const why = "its native addon does not load on Node.js 23 and later";
    expect(report).toMatchObject({ name: "wasm", reason: `passed over tfjs-node-gpu: ${why}; tfjs-node: ${why}` });
  });

  it("an error that says what to do if none loads", async () => {
    const load = (): Promise<unknown> => Promise.reject(new Error("out of order\nat line 5"));
    await expect(loadBackend({ ...request, load })).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("no tfjs backend loads (tfjs-node-gpu: out of order; tfjs-node: out") as string,
      hint: "Install again with npm ci, or use engine: onnx.",
    });
  });

  it("no CPU in place of a requested GPU", async () => {
    const load = (): Promise<unknown> => Promise.reject(new Error("Cannot find module"));
    await expect(loadBackend({ ...request, device: "cuda", load })).rejects.toThrow(
      /tfjs-node-gpu: not installed.*wasm: it computes on the CPU/,
    );
  });

  it.each([
    [{ dtype: "bfloat16" }, "compute.dtype bfloat16 is not supported by the tfjs engine"],
    [{ device: "webgpu" }, "compute.device webgpu is not supported by the tfjs engine"],
  ] as const)("refuses %j by name", async (asked, message) => {
    const { model, lora } = await openGolden("llama");
    const loading = tfjsEngine().load(model, lora, { ...options, ...asked });
    await expect(loading).rejects.toThrow(message);
  });
});

it("plain JavaScript computes the same numbers, with a warning", async () => {
  const results: Float32Array[] = [];
  for (const backend of ["wasm", "cpu"] as const) {
    await withGolden(
      "mistral-sliding",
      async (trainable, { rows }) => {
        const gradient = new Float32Array(trainable.layout.size);
        await trainable.gradients(collate(rows.slice(0, 2)), gradient);
        results.push(gradient);
        expect(trainable.backend.warning === null).toBe(backend === "wasm");
      },
      { engine: "tfjs", backends: [backend] },
    );
  }
  expect(relativeDifference(results[1]!, results[0]!)).toBeLessThan(1e-5);
});
