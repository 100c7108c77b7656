/** TensorFlow's native library keeps a process's first settings: a second run must not be computed with them. */
import { describe, expect, it } from "vitest";
import { NativeSettings } from "../../../../src/worker/model/native-settings.js";

const cpu = { device: "cpu", threads: 2 } as const;

describe("a worker process that has loaded TensorFlow's native library", () => {
  it.each([
    ["tfjs", { device: "cpu", threads: 3 }],
    ["tfjs", { device: "cuda", threads: 2 }],
    // The process sees no GPU any more.
    ["onnx", { device: "cuda", threads: 2 }],
  ] as const)("refuses a run with %s and %o until it is restarted", (engine, settings) => {
    const native = new NativeSettings();
    native.loaded("tfjs-node", cpu);
    expect(() => native.require(engine, settings)).toThrow(/has loaded TensorFlow's native library/);
  });

  it("accepts a run that it can compute", () => {
    const native = new NativeSettings();
    native.require("tfjs", { device: "cpu", threads: 8 });
    native.loaded("wasm", { device: "cpu", threads: 8 });
    native.loaded("tfjs-node", cpu);
    native.require("tfjs", cpu);
    native.require("onnx", { device: "cpu", threads: 7 });
  });
});
