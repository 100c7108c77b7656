/** Starts the local workers of a run: how many, on which GPUs, and with which arguments. */
import { join } from "node:path";
import { picksCuda, visibleGpus, visibleVariable } from "../compute/index.js";
import { formatAddress, reachableHost } from "../config/index.js";
import type { Address, RunConfig } from "../config/index.js";
import { runFacts, startLocalWorkers } from "../local-workers/index.js";
import type { LocalWorkers, LocalWorkersOptions } from "../local-workers/index.js";

/** What the workers work for. */
export interface WorkersOf extends Pick<LocalWorkersOptions, "committed" | "isEnding" | "onFailure"> {
  /** Where they connect to. */
  readonly address: Address;
}

/** @param config its `workers` are started, with logs in its `output_dir` @param note prints a line for the user */
export async function startRunWorkers(
  config: RunConfig,
  { address, ...whom }: WorkersOf,
  note: (text: string) => void,
): Promise<LocalWorkers> {
  const gpus = await localGpus(config);
  if (gpus.length > 0) note(`local workers compute on GPUs ${gpus.join(", ")}`);
  const { tls, token } = config.cluster;
  return startLocalWorkers({
    count: config.workers,
    ...whom,
    coordinator: formatAddress({ ...address, host: reachableHost(address.host) }),
    token,
    args:
      tls === null
        ? []
        : ["--tls-ca", tls.ca ?? tls.cert, ...(tls.ca === null ? [] : ["--tls-cert", tls.cert, "--tls-key", tls.key])],
    environments: gpus.map((gpu) => ({ [visibleVariable]: gpu })),
    logFolder: join(config.output_dir, "logs"),
    run: runFacts(config),
    note,
  });
}

/** The GPU of each local worker, round-robin; empty without several GPUs, or if the run does not use CUDA. */
async function localGpus({ compute, workers }: RunConfig): Promise<readonly string[]> {
  const gpus = picksCuda(compute) ? await visibleGpus() : [];
  return gpus.length < 2 ? [] : Array.from({ length: workers }, (_, index) => gpus[index % gpus.length] ?? "");
}
