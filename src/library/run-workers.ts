/** Starts the local workers of a run: how many, on which GPUs, and with which arguments. */
import { join } from "node:path";
import { picksCuda, visibleGpus, visibleVariable } from "../compute/index.js";
import { formatAddress, reachableHost } from "../config/index.js";
import type { RunConfig } from "../config/index.js";
import type { RunningCoordinator } from "../coordinator/index.js";
import { runFacts, startLocalWorkers } from "../local-workers/index.js";
import type { LocalWorkers } from "../local-workers/index.js";

/** @param note prints a line for the user */
export async function startRunWorkers(
  config: RunConfig,
  coordinator: RunningCoordinator,
  note: (text: string) => void,
): Promise<LocalWorkers> {
  const gpus = await localGpus(config);
  if (gpus.length > 0) note(`local workers compute on GPUs ${gpus.join(", ")}`);
  const { tls, token } = config.cluster;
  return startLocalWorkers({
    count: config.workers,
    coordinator: formatAddress({ ...coordinator.address, host: reachableHost(coordinator.address.host) }),
    token,
    args:
      tls === null
        ? []
        : ["--tls-ca", tls.ca ?? tls.cert, ...(tls.ca === null ? [] : ["--tls-cert", tls.cert, "--tls-key", tls.key])],
    environments: gpus.map((gpu) => ({ [visibleVariable]: gpu })),
    logFolder: join(config.output_dir, "logs"),
    committed: () => coordinator.prepared.replica.step,
    isEnding: () => coordinator.isEnding(),
    run: runFacts(config),
    note,
    onFailure: (error) => coordinator.fail(error),
  });
}

/** The GPU of each local worker, round-robin; empty without several GPUs, or if the run does not use CUDA. */
async function localGpus({ compute, workers }: RunConfig): Promise<readonly string[]> {
  const gpus = picksCuda(compute) ? await visibleGpus() : [];
  return gpus.length < 2 ? [] : Array.from({ length: workers }, (_, index) => gpus[index % gpus.length] ?? "");
}
