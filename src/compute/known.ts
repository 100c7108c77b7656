/** What workers can compute with, by name. Loads no engine: the coordinator of a run needs only the names. */
import type { EngineName } from "./engine.js";

export interface KnownComputation {
  readonly engine: EngineName;
  readonly backends: readonly string[];
  readonly devices: readonly string[];
}

/** A unit test compares the backends with those of the engines. */
export const knownComputations: readonly KnownComputation[] = [
  { engine: "onnx", backends: ["onnxruntime"], devices: ["cpu", "cuda", "webgpu"] },
  { engine: "tfjs", backends: ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"], devices: ["cpu", "cuda"] },
];
