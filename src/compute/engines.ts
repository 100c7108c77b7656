/** Engines by name, in the calling thread. */
import { CoxswainError } from "../errors.js";
import type { Engine, EngineName } from "./engine.js";
import { onnxEngine } from "./onnx/engine.js";

export function engineNamed(name: EngineName): Engine {
  if (name === "onnx") return onnxEngine();
  throw new CoxswainError("config", `compute.engine: the ${name} engine is not there yet`, {
    hint: "Use engine: onnx.",
  });
}
