/** The key that connections are counted by. */
import { isIPv4, isIPv6 } from "node:net";

/** The peer of a connection. */
export interface PeerAddress {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/**
 * An IPv4 address, mapped into IPv6 or not; the first 64 bits of an IPv6 address, since whoever has one address of that
 * prefix has all of them.
 */
export function addressOf({ remoteAddress = "" }: PeerAddress): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(remoteAddress)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(remoteAddress)) return remoteAddress;
  const [before = "", after] = (remoteAddress.split("%")[0] ?? "").split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
