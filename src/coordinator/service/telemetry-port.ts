/** The port for metrics and the live page: that of `telemetry.http`, or one near the default if that is in use. */
import { formatAddress, parseAddress, reachableHost } from "../../config/index.js";
import type { Address } from "../../config/index.js";
import { takePort, type PortRequest } from "./ports.js";

/**
 * @param http `telemetry.http`
 * @throws CoxswainError "config" for an invalid address, "network" if it cannot listen
 */
export const takeTelemetryPort = <T>(
  http: string,
  request: Pick<PortRequest<T>, "isDefault" | "before" | "open" | "note">,
): Promise<T> =>
  takePort({
    ...request,
    wanted: parseAddress(http, { name: "telemetry.http", allowPortZero: true }),
    occupant: (address) => runMeasuredAt(reachable(address)),
  });

/** The address by which this machine reaches what listens there. */
export const reachable = ({ host, port }: Address): Address => ({ host: reachableHost(host), port });

/** Time limit for another program to identify itself, ms. */
const patience = 2_000;

/** Describes the run whose metrics are served at an address of this machine; undefined for any other program. */
async function runMeasuredAt(address: Address): Promise<string | undefined> {
  try {
    const response = await fetch(`http://${formatAddress(address)}/metrics`, { signal: AbortSignal.timeout(patience) });
    const text = await response.text();
    if (!text.includes("coxswain_build_info{")) return undefined;
    const run = /^coxswain_run_info\{run="([^"\\]*)"/m.exec(text)?.[1];
    return run === undefined ? "another process of Coxswain" : `another run of Coxswain (${run})`;
  } catch {
    // It does not speak HTTP, or did not answer in time.
    return undefined;
  }
}
