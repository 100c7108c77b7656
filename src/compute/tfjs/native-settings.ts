/** What TensorFlow's native library reads from the environment, once in a process, when it is loaded. */
import type { Device } from "../engine.js";

export function prepareNative({ device, threads }: { readonly device: Device; readonly threads: number }): void {
  const { env } = process;
  // Its information lines would go to standard error.
  env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  // The order of sums depends on the number of threads: a run fixes it for all its workers.
  env["TF_NUM_INTRAOP_THREADS"] = String(threads);
  env["OMP_NUM_THREADS"] = String(threads);
  // A GPU gives other bits than a CPU: it is used where it is asked for, not where it is found.
  if (device === "cpu") env["CUDA_VISIBLE_DEVICES"] = "-1";
}
