/**
 * Which port a run takes where it has not been told one: the default, or, where another run of ours has that, the next.
 * Knows no sockets.
 */
import { formatAddress } from "../../config/index.js";
import type { Address } from "../../config/index.js";
import { CoxswainError, systemCodeOf } from "../../errors.js";

export interface PortRequest<T> {
  /** What the run file says, or its default. */
  readonly wanted: Address;
  /** Nobody chose it: it may be another one. */
  readonly isDefault: boolean;
  /** The port that this run had before, where it goes on: its workers look for it there. */
  readonly before?: number | undefined;
  /** Takes a port. @throws CoxswainError whose cause is the system's error */
  readonly open: (address: Address) => Promise<T>;
  /** The run of ours that listens there, in words; undefined where it is something else. */
  readonly occupant: (address: Address) => Promise<string | undefined>;
  readonly note: (text: string) => void;
}

/** How many ports are tried from the default on: so many runs can be on one machine without being told of each other. */
export const portsTried = 20;

/**
 * Takes the port that was asked for, or one near the default where another run has that.
 * @throws CoxswainError "network" where it is not ours to pass over: chosen by the user, or taken by another program
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
      // Beyond the default it does not matter who is there.
      if (port !== wanted.port) continue;
      const other = await occupant(address);
      if (other === undefined) throw error;
      passed = `${formatAddress(address)} is taken by ${other}`;
    }
  }
  throw failure;
}

/** Whether somebody else listens there. */
const isTaken = (error: unknown): boolean =>
  error instanceof CoxswainError && systemCodeOf(error.cause) === "EADDRINUSE";

function candidates({ wanted, isDefault, before }: Pick<PortRequest<unknown>, "wanted" | "isDefault" | "before">) {
  if (!isDefault) return [wanted.port];
  const near = Array.from({ length: portsTried }, (_, index) => wanted.port + index);
  return before !== undefined && near.includes(before) ? [before, ...near.filter((port) => port !== before)] : near;
}
