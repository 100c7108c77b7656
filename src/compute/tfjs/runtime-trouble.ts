/** What the runtime throws while it computes, in words that say which backend it was and what can be done. */
import { CoxswainError, messageOf } from "../../errors.js";
import { systemTrouble } from "../../system-errors.js";
import type { Backend } from "./backends.js";

/** Runs `action`; converts anything that it throws to a `CoxswainError`. */
export function runtimeTrouble<R>({ report }: Backend, purpose: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    const known = systemTrouble(error);
    if (known !== undefined) throw known;
    throw new CoxswainError("bug", `TensorFlow.js (${report.name}) failed (${purpose}): ${messageOf(error)}`, {
      cause: error,
      hint:
        report.name === "wasm"
          ? "The WebAssembly backend has 4 GiB of memory: use a smaller model or micro_batch_size, or engine: onnx."
          : "If memory ran out, use a smaller micro_batch_size or gradient_checkpointing.",
    });
  }
}
