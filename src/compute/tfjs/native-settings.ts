/** What TensorFlow's native library reads from the environment, once in a process, when it is loaded. */
import type { Device } from "../engine.js";

const names = ["TF_CPP_MIN_LOG_LEVEL", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"] as const;

/** @returns a function that restores the environment if the library was not loaded, since another may be used then */
export function prepareNative({ device, threads }: { readonly device: Device; readonly threads: number }): () => void {
  const { env } = process;
  const before = names.map((name) => [name, env[name]] as const);
  // Otherwise it prints information to standard error.
  env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  // The order of sums depends on the number of threads: a run fixes it for all its workers.
  env["TF_NUM_INTRAOP_THREADS"] = String(threads);
  env["OMP_NUM_THREADS"] = String(threads);
  // A GPU gives different bits than a CPU: it is used only if requested.
  if (device === "cpu") env["CUDA_VISIBLE_DEVICES"] = "-1";
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(env, name);
      else env[name] = value;
    }
  };
}
