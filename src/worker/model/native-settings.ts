/**
 * TensorFlow's native library reads the number of threads and the visible GPUs only once per process. This ensures that a
 * worker process does not compute a second run with the settings of the first.
 */
import type { EngineName, EngineOptions } from "../../compute/index.js";
import { CoxswainError } from "../../errors.js";

type Settings = Pick<EngineOptions, "device" | "threads">;

export class NativeSettings {
  #first: Settings | undefined;

  /** A model was opened. @param backend that computes it */
  loaded(backend: string, { device, threads }: Settings): void {
    if (backend.startsWith("tfjs-node")) this.#first ??= { device, threads };
  }

  /** @throws CoxswainError "config" if this process can no longer compute with these settings */
  require(engine: EngineName, wanted: Settings): void {
    const first = this.#first;
    if (first === undefined) return;
    // The library was loaded without a visible GPU.
    const blind = first.device === "cpu" && wanted.device === "cuda";
    const fixed = engine === "tfjs" && (first.threads !== wanted.threads || first.device !== wanted.device);
    if (!blind && !fixed) return;
    const of = ({ device, threads }: Settings): string => `${threads} threads on ${device}`;
    throw new CoxswainError(
      "config",
      `this worker process has loaded TensorFlow's native library for a run with ${of(first)}, and this run has ${of(wanted)}`,
      { hint: "The library keeps its settings until the process ends: restart the worker." },
    );
  }
}
