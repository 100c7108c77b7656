import { describe, expect, it } from "vitest";
import { knownComputations } from "../../../../src/compute/index.js";
import { backendNames } from "../../../../src/compute/tfjs/backends.js";
import { engines as engineNames, devices as deviceNames } from "../../../../src/config/choices.js";
import { EngineRule, type Computation } from "../../../../src/coordinator/service/engine-rule.js";

const wasm: Computation = { engine: "tfjs", backend: "wasm", device: "cpu" };
const native: Computation = { engine: "tfjs", backend: "tfjs-node", device: "cpu" };
const onnx: Computation = { engine: "onnx", backend: "onnxruntime", device: "cpu" };
const webgpu: Computation = { ...onnx, device: "webgpu" };

function rule(options: { asked?: string; allowMixed?: boolean; before?: Computation } = {}) {
  const chosen: Computation[] = [];
  const { asked = "auto", allowMixed = false, before } = options;
  return { chosen, engines: new EngineRule({ asked, allowMixed, before, onChosen: (first) => chosen.push(first) }) };
}

describe("an adapter does not depend on which worker computed what", () => {
  it("the first accepted shard decides; equal workers may join, and others get a hint how they could", () => {
    const { engines, chosen } = rule();
    expect(engines.isDecided).toBe(false);
    expect(engines.accepted(wasm)).toBe(true);
    expect(engines.isDecided).toBe(true);
    expect(engines.accepted(onnx)).toBe(false);
    expect(engines.admit(wasm)).toBeUndefined();
    const refusal = engines.admit(native);
    expect(refusal).toContain(
      "the run is computed with tfjs (wasm) on cpu, this worker computes with tfjs (tfjs-node) on cpu",
    );
    expect(refusal).toContain("cluster.allow_mixed_engines: true");
    expect(engines.admit(onnx)).toContain("onnx (onnxruntime)");
    expect(chosen).toEqual([wasm]);
  });

  it("a worker that has only joined decides nothing", () => {
    const { engines, chosen } = rule();
    for (const each of [wasm, onnx, webgpu, native]) expect(engines.admit(each)).toBeUndefined();
    expect(engines.isDecided).toBe(false);
    expect(chosen).toEqual([]);
  });

  it("a different kind of device is refused too", () => {
    const { engines } = rule();
    engines.accepted(webgpu);
    expect(engines.admit(onnx)).toContain(
      "onnx (onnxruntime) on webgpu, this worker computes with onnx (onnxruntime) on cpu",
    );
  });

  it("a resumed run keeps the engine that computed its steps", () => {
    const { engines, chosen } = rule({ before: native });
    expect(engines.isDecided).toBe(true);
    expect(engines.admit(wasm)).toContain("the run is computed with tfjs (tfjs-node)");
    expect(engines.admit(native)).toBeUndefined();
    expect(chosen).toEqual([]);
  });

  it("all may join a run that allows mixed engines", () => {
    const { engines, chosen } = rule({ allowMixed: true });
    expect(engines.isDecided).toBe(true);
    expect(engines.accepted(onnx)).toBe(true);
    for (const each of [wasm, onnx, webgpu, native]) expect(engines.admit(each)).toBeUndefined();
    expect(chosen).toEqual([onnx]);
  });

  it("a worker with another engine than the run file's is refused, whatever was accepted", () => {
    const { engines } = rule({ asked: "onnx", allowMixed: true });
    expect(engines.admit(onnx)).toBeUndefined();
    expect(engines.admit(wasm)).toBe(
      "the run file says compute.engine: onnx, this worker computes with tfjs (wasm) on cpu",
    );
  });
});

describe("what a worker says of itself", () => {
  it.each<Computation>([
    { ...onnx, backend: "" },
    { ...onnx, backend: "wasm" },
    { ...onnx, backend: "my-runtime" },
    { ...wasm, backend: "onnxruntime" },
    { ...wasm, device: "webgpu" },
    { ...onnx, device: "tpu" },
    { ...onnx, engine: "torch" },
  ])("is refused unless this version knows it: %o", (computation) => {
    for (const { engines } of [rule(), rule({ allowMixed: true })])
      expect(engines.admit(computation)).toContain(
        "which this version does not know: install the same version on both",
      );
  });

  it("has the names that the engines report", () => {
    expect(knownComputations.map(({ engine }) => engine)).toEqual(engineNames);
    expect(knownComputations[0]?.devices).toEqual(deviceNames);
    expect(knownComputations[1]?.backends).toEqual(backendNames);
  });
});
