/** Where a worker finds its coordinator. */
import { parseAddress } from "../../config/index.js";
import type { Address } from "../../config/index.js";

/** Asked before every attempt to connect. */
export interface CoordinatorLocator {
  /** For messages. */
  readonly name: string;
  /** @throws CoxswainError: "network" where it is not known now, which is worth trying again */
  locate(): Promise<Address>;
}

/**
 * A coordinator that stays where it is.
 * @param name how messages call the setting
 * @throws CoxswainError "config" for what is no address
 */
export function fixedCoordinator(text: string, name = "--coordinator"): CoordinatorLocator {
  const address = parseAddress(text, { name });
  return { name: text, locate: () => Promise.resolve(address) };
}
