/** The name that whoever steers a run gives: it ends up in files and on terminals. */
import { CoxswainError } from "../errors.js";

/** What files and terminals can show: no control characters. */
const showable = /^[^\p{C}]{0,200}$/u;

/** @throws CoxswainError "usage" for a name that cannot be shown */
export function checkShowable(name: string): void {
  if (!showable.test(name))
    throw new CoxswainError("usage", "a name has at most 200 characters, all of which can be shown");
}

/** Why a run ends that somebody stopped. */
export const stopReason = (caller: string | undefined): string =>
  caller === undefined ? "stopped" : `stopped by ${caller}`;

/** The address of a peer as gRPC gives it ("10.0.0.7:41234", "::1:41234"), without its port and without IPv6's prefix of IPv4. */
export const hostOfPeer = (peer: string): string => peer.replace(/:\d+$/, "").replace(/^::ffff:(?=[\d.]+$)/i, "");
