/**
 * Chooses the port of a run for which none is configured: the default or, if another Coxswain run occupies it, the next
 * free one. Does not depend on sockets.
 */
import { formatAddress } from "../../config/index.js";
import type { Address } from "../../config/index.js";
import { CoxswainError, systemCodeOf } from "../../errors.js";

export interface PortRequest<T> {
  /** The address in the run file, or the default. */
  readonly wanted: Address;
  /** The user did not set the address: another port may be used. */
  readonly isDefault: boolean;
  /** The port of the previous incarnation of a resumed run: its workers reconnect to that port. */
  readonly before?: number | undefined;
  /** Opens a port. @throws CoxswainError whose cause is the operating system's error */
  readonly open: (address: Address) => Promise<T>;
  /** Describes the Coxswain run that listens there; undefined if it is any other program. */
  readonly occupant: (address: Address) => Promise<string | undefined>;
  readonly note: (text: string) => void;
}

/** Number of ports tried, starting at the default: the number of runs per machine that need no configured port. */
export const portsTried = 20;

/**
 * Opens the requested port, or one near the default if another run occupies that.
 * @throws CoxswainError "network" if the port is occupied and the user chose it, or another program occupies it
 */
export async function takePort<T>(request: PortRequest<T>): Promise<T> {
  const { wanted, isDefault, open, occupant, note } = request;
  let passed: string | undefined;
  let failure: unknown;
  for (const port of candidates(request)) {
    const address = { ...wanted, port };
    try {
      const opened = await open(address);
      if (passed !== undefined) note(`${passed}; this run takes ${formatAddress(address)}`);
      return opened;
    } catch (error) {
      failure ??= error;
      if (!isTaken(error) || !isDefault) throw error;
      // Only the occupant of the default port matters.
      if (port !== wanted.port) continue;
      const other = await occupant(address);
      if (other === undefined) throw error;
      passed = `${formatAddress(address)} is taken by ${other}`;
    }
  }
  throw failure;
}

/** Whether another process listens on the port. */
const isTaken = (error: unknown): boolean =>
  error instanceof CoxswainError && systemCodeOf(error.cause) === "EADDRINUSE";

function candidates({ wanted, isDefault, before }: Pick<PortRequest<unknown>, "wanted" | "isDefault" | "before">) {
  if (!isDefault) return [wanted.port];
  const near = Array.from({ length: portsTried }, (_, index) => wanted.port + index);
  return before !== undefined && near.includes(before) ? [before, ...near.filter((port) => port !== before)] : near;
}
