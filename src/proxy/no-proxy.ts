/**
 * Evaluates `no_proxy` like curl and Go: `*`; a domain name including subdomains, with or without a leading dot or
 * `*.`; an IP address; a network such as 10.0.0.0/8; each optionally with `:PORT`. Pure.
 */
import { BlockList, isIP, isIPv6 } from "node:net";

export interface Target {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** @param list the variable's value: entries separated by commas or spaces */
export function isExcepted(list: string, target: Target): boolean {
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => matches(entry.toLowerCase(), { ...target, host: target.host.toLowerCase().replace(/\.$/, "") }));
}

function matches(entry: string, { host, port }: Target): boolean {
  if (entry === "*") return true;
  const [pattern, onlyPort] = splitPort(entry);
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const family = isIP(host);
  if (family !== 0) return isInNetwork(pattern, host, family);
  const suffix = pattern.replace(/^\*?\./, "");
  return suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`));
}

/** "host", "host:80", "[::1]:80", "::1", "fd00::/8" */
function splitPort(entry: string): readonly [pattern: string, port: number | undefined] {
  const [, bracketed, ofBracketed] = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry) ?? [];
  if (bracketed !== undefined) return [bracketed, ofBracketed === undefined ? undefined : Number(ofBracketed)];
  const [, plain, port] = /^([^:]+):(\d+)$/.exec(entry) ?? [];
  return plain === undefined ? [entry, undefined] : [plain, Number(port)];
}

function isInNetwork(pattern: string, host: string, family: number): boolean {
  const [address = "", length, ...more] = pattern.split("/");
  if (isIP(address) !== family || more.length > 0) return false;
  const bits = length === undefined ? (isIPv6(address) ? 128 : 32) : Number(length);
  const valid = Number.isInteger(bits) && bits >= 0 && bits <= (family === 6 ? 128 : 32);
  if (!valid) return false;
  const name = family === 6 ? "ipv6" : "ipv4";
  const network = new BlockList();
  network.addSubnet(address, bits, name);
  return network.check(host.split("%", 1)[0] ?? host, name);
}
