/** A coordinator's announced address, and which coordinator may announce it. Pure. */
import type { Address } from "../config/index.js";
import { formatAddress, isEveryInterface, isLoopback, parseAddress } from "../config/index.js";
import { CoxswainError } from "../errors.js";

/** The value of a run's key in the bucket of coordinators, as JSON. */
export interface Announcement {
  /** HOST:PORT under which workers reach it. */
  readonly address: string;
  /** The coordinator's machine and process. */
  readonly host: string;
  readonly pid: number;
  /** The run and the incarnation of its coordinator. */
  readonly run_id: string;
  /** ISO 8601, UTC. */
  readonly started_at: string;
  /** Workers need --tls-ca. */
  readonly tls: boolean;
}

/**
 * Whether a coordinator keeps announcing itself. The one that started last owns the name: an earlier one that was
 * considered dead must not take workers from it.
 * @param found the current value; undefined: none
 */
export function mayAnnounce(own: Announcement, found: Announcement | undefined): boolean {
  return found === undefined || found.run_id === own.run_id || found.started_at <= own.started_at;
}

/** @returns undefined if it is not an announcement */
export function parseAnnouncement(text: string): Announcement | undefined {
  try {
    const { address, host, pid, run_id, started_at, tls } = JSON.parse(text) as Partial<
      Record<keyof Announcement, unknown>
    >;
    if (typeof address !== "string" || typeof host !== "string" || typeof pid !== "number") return undefined;
    if (typeof run_id !== "string" || typeof started_at !== "string") return undefined;
    return { address, host, pid, run_id, started_at, tls: tls === true };
  } catch {
    return undefined;
  }
}

/**
 * The address that a coordinator announces.
 * @param advertise `telemetry.nats.advertise`: HOST, HOST:PORT, or null
 * @param host this machine's name, which replaces a wildcard address
 */
export function advertisedAddress(listens: Address, advertise: string | null, host: string): string {
  if (advertise === null) {
    return formatAddress(isEveryInterface(listens.host) ? { ...listens, host } : listens);
  }
  if (/:\d+$/.test(advertise) && !/^[^[].*:.*:/.test(advertise)) return advertise;
  return formatAddress({ host: advertise.replace(/^\[(.*)\]$/, "$1"), port: listens.port });
}

/**
 * The address as seen from this machine.
 * @param here this machine's name
 * @throws CoxswainError "network" if it is another machine's loopback
 */
export function addressFrom({ address, host }: Announcement, run: string, here: string): Address {
  const parsed = parseAddress(address, { name: `the announced address of ${run}` });
  if (!isLoopback(parsed.host) || host === here) return parsed;
  throw new CoxswainError(
    "network",
    `the coordinator of ${run} listens on ${address} of ${host}, which other machines cannot reach`,
    {
      hint: "Start it with --listen 0.0.0.0:7070, or set telemetry.nats.advertise to the address at which it can be reached.",
    },
  );
}
