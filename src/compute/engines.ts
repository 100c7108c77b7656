/** Engines by name, in the calling thread. */
import type { Engine, EngineName } from "./engine.js";
import { onnxEngine } from "./onnx/engine.js";
import { tfjsEngine } from "./tfjs/engine.js";

export function engineNamed(name: EngineName): Engine {
  switch (name) {
    case "onnx":
      return onnxEngine();
    case "tfjs":
      return tfjsEngine();
  }
}
