/** The message if a command starts fewer workers than the run requires: how many are missing, and how they join. Pure. */
import { formatAddress, isLoopback, reachableHost } from "../../config/index.js";
import type { Address, RunConfig } from "../../config/index.js";

export interface WorkersAsked {
  /** Number of workers that this command starts. */
  readonly started: number;
  /** The run file's `cluster.min_workers`. */
  readonly needed: number;
  /** Where the coordinator listens, or will listen; port 0: not yet known. */
  readonly address: Address;
  /** This machine's name. */
  readonly host: string;
  /** The command with which the user starts this program. */
  readonly program: string;
  /** Whether joining requires the run's token. */
  readonly token: boolean;
  readonly tls: boolean;
}

/** What a run asks of a command that starts local workers, or none. */
export const workersAsked = (
  { cluster, workers }: Pick<RunConfig, "cluster" | "workers">,
  { localWorkers, ...place }: Pick<WorkersAsked, "address" | "host" | "program"> & { readonly localWorkers: boolean },
): WorkersAsked => ({
  ...place,
  started: localWorkers ? workers : 0,
  needed: cluster.min_workers,
  token: cluster.token !== null,
  tls: cluster.tls !== null,
});

/** Undefined if enough workers start here. */
export function missingWorkers(asked: WorkersAsked): string | undefined {
  const { started, needed, address, host, program } = asked;
  const missing = needed - started;
  if (missing <= 0) return undefined;
  const here = started === 0 ? "no workers start here" : `${started} of ${needed} workers start here`;
  const must = `${here}; ${missing}${started === 0 ? "" : " more"} must join`;
  if (address.port === 0) return `${must}, at the address that is printed when the coordinator listens`;
  const listensEverywhere = reachableHost(address.host) !== address.host;
  const reached = formatAddress({ ...address, host: listensEverywhere ? host : address.host });
  const needs = [...(asked.tls ? ["--tls-ca"] : []), ...(asked.token ? ["the run's token in COXSWAIN_TOKEN"] : [])];
  const command = `${program} worker --coordinator ${reached}${needs.length === 0 ? "" : `, with ${needs.join(" and ")}`}`;
  const lines = [`${must} at ${reached} (${command})`];
  if (isLoopback(address.host)) {
    lines.push(
      `${address.host} can be reached only from this machine: to let others join, set cluster.listen to 0.0.0.0:PORT` +
        (started === 0 ? "" : `; to train with the workers that start here, set cluster.min_workers to ${started}`),
    );
  }
  return lines.join("\n");
}
