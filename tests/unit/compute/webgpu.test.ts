/** WebGPU on the software driver, from a process of its own: the vitest project `webgpu` runs the numerics suite on it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { softwareGpuEnvironment } from "../../support/software-gpu.js";

const environment = softwareGpuEnvironment();

it.skipIf(environment === null)(
  "the numerics suite has a WebGPU device (skipped without the driver of scripts/install-lavapipe.mjs)",
  async () => {
    const program = `
      import { GraphBuilder } from "./dist/compute/onnx/graph-builder.js";
      import { Session, tensorClass } from "./dist/compute/onnx/session.js";
      const graph = GraphBuilder.for("webgpu");
      graph.output("y", graph.op("Neg", [graph.input("x", "float32", [1])]), "float32", [1]);
      const settings = { purpose: "test", folder: ".", device: "webgpu", threads: 1 };
      const session = await Session.open(graph.model("trivial"), settings);
      const TensorOf = await tensorClass();
      const { y } = await session.run({ x: new TensorOf("float32", Float32Array.of(3), [1]) }, ["y"]);
      console.log(y.data[0]);
      await session.close();
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
      env: { ...process.env, ...environment },
    });
    expect(stdout.trim()).toBe("-3");
  },
);
