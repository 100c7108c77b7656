/** A run of the queue as a run file that was loaded. Pure. */
import { defaultAddresses } from "../config/index.js";
import type { LoadedRun, RunConfig } from "../config/index.js";

/** A submission contains all defaults explicitly; an address equal to the default is treated as not given. */
export function servedRun(name: string, config: RunConfig): LoadedRun {
  const given = { "cluster.listen": config.cluster.listen, "telemetry.http": config.telemetry.http };
  const isDefault = (key: string): boolean =>
    (key === "cluster.listen" || key === "telemetry.http") && given[key] === defaultAddresses[key];
  return { config, name, path: undefined, directory: config.output_dir, isGiven: (key) => !isDefault(key) };
}
