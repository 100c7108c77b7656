import { describe, expect, it } from "vitest";
import { EngineRule, type Computation } from "../../../../src/coordinator/service/engine-rule.js";

const wasm: Computation = { engine: "tfjs", backend: "wasm", device: "cpu" };
const native: Computation = { engine: "tfjs", backend: "tfjs-node", device: "cpu" };
const onnx: Computation = { engine: "onnx", backend: "onnxruntime", device: "cpu" };
const webgpu: Computation = { ...onnx, device: "webgpu" };

function rule(options: { allowMixed?: boolean; before?: Computation } = {}) {
  const chosen: Computation[] = [];
  const { allowMixed = false, before } = options;
  return { chosen, engines: new EngineRule({ allowMixed, before, onChosen: (first) => chosen.push(first) }) };
}

describe("an adapter does not depend on which worker computed what", () => {
  it("the first worker decides; equal ones may join, and others get a hint how they could", () => {
    const { engines, chosen } = rule();
    expect(engines.admit(wasm)).toBeUndefined();
    expect(engines.admit(wasm)).toBeUndefined();
    expect(chosen).toEqual([wasm]);
    const refusal = engines.admit(native);
    expect(refusal).toContain(
      "the run is computed with tfjs (wasm) on cpu, this worker computes with tfjs (tfjs-node) on cpu",
    );
    expect(refusal).toContain("cluster.allow_mixed_engines: true");
    expect(engines.admit(onnx)).toContain("onnx (onnxruntime)");
    expect(chosen).toEqual([wasm]);
  });

  it("a different kind of device is refused too", () => {
    const { engines } = rule();
    expect(engines.admit(webgpu)).toBeUndefined();
    expect(engines.admit(onnx)).toContain(
      "onnx (onnxruntime) on webgpu, this worker computes with onnx (onnxruntime) on cpu",
    );
  });

  it("a resumed run keeps the engine that computed its steps", () => {
    const { engines, chosen } = rule({ before: native });
    expect(engines.admit(wasm)).toContain("the run is computed with tfjs (tfjs-node)");
    expect(engines.admit(native)).toBeUndefined();
    expect(chosen).toEqual([]);
  });

  it("all may join a run that allows mixed engines", () => {
    const { engines } = rule({ allowMixed: true });
    for (const each of [wasm, onnx, webgpu, native]) expect(engines.admit(each)).toBeUndefined();
  });
});
