/** Locates the coordinator for a worker. */
import { parseAddress } from "../../config/index.js";
import type { Address } from "../../config/index.js";

/** Called before every attempt to connect. */
export interface CoordinatorLocator {
  /** For messages. */
  readonly name: string;
  /** @throws CoxswainError: "network" if the address is not known at the moment, which is worth another attempt */
  locate(): Promise<Address>;
}

/**
 * A coordinator with a fixed address.
 * @param name name of the setting in error messages
 * @throws CoxswainError "config" for an invalid address
 */
export function fixedCoordinator(text: string, name = "--coordinator"): CoordinatorLocator {
  const address = parseAddress(text, { name });
  return { name: text, locate: () => Promise.resolve(address) };
}
