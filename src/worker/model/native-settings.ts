/**
 * TensorFlow's native library reads its number of threads and which GPUs it may see once in a process. A worker process
 * that computes for a second run must not compute it with the first one's. Knows no run.
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

  /** @throws CoxswainError "config" where this process cannot compute with these settings any more */
  require(engine: EngineName, wanted: Settings): void {
    const first = this.#first;
    if (first === undefined) return;
    // It was told to see no GPU, and so was the process.
    const blind = first.device === "cpu" && wanted.device === "cuda";
    const fixed = engine === "tfjs" && (first.threads !== wanted.threads || first.device !== wanted.device);
    if (!blind && !fixed) return;
    const of = ({ device, threads }: Settings): string => `${threads} threads on ${device}`;
    throw new CoxswainError(
      "config",
      `this worker process has loaded TensorFlow's native library for a run with ${of(first)}, and this run has ${of(wanted)}`,
      { hint: "The library keeps its settings as long as the process lives: start the worker again." },
    );
  }
}
