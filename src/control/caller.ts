/** The name of the caller who controls a run: it is shown in files and on terminals. */
import { CoxswainError } from "../errors.js";

/** Printable characters: no control characters. */
const showable = /^[^\p{C}]{0,200}$/u;

/** @throws CoxswainError "usage" for a name, or what else a caller says of itself, that is not printable */
export function checkShowable(text: string, what: "name" | "version" = "name"): void {
  if (!showable.test(text))
    throw new CoxswainError("usage", `a caller's ${what} must have at most 200 characters, all of them printable`);
}

/** The reason for the end of a stopped run. */
export const stopReason = (caller: string | undefined): string =>
  caller === undefined ? "stopped" : `stopped by ${caller}`;

/**
 * The host of a gRPC peer ("10.0.0.7:41234", "::1:41234"), without the port and the prefix of IPv4-mapped addresses.
 */
export const hostOfPeer = (peer: string): string => peer.replace(/:\d+$/, "").replace(/^::ffff:(?=[\d.]+$)/i, "");
