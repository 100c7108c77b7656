/** Parses `HOST:PORT` addresses of the run file and flags. Resolves no names and opens no connections. */
import { BlockList, isIP, isIPv6 } from "node:net";
import { CoxswainError } from "../errors.js";

export interface Address {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
}

export interface AddressOptions {
  /** The key or flag that the text came from, for messages: "cluster.listen", "--coordinator". */
  readonly name: string;
  /** Whether port 0 (a free port) is allowed; for listening only. Default false. */
  readonly allowPortZero?: boolean;
}

const hostName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?$/i;

/**
 * @param text "127.0.0.1:7070", "[::1]:7070", "coordinator.example:7070"
 * @throws CoxswainError "config" that names the key or flag
 */
export function parseAddress(text: string, options: AddressOptions): Address {
  const problem = addressProblem(text, options);
  if (problem !== undefined)
    throw new CoxswainError("config", `${options.name}: ${problem.message}`, { hint: problem.hint });
  return split(text);
}

/** Parses a host without a port, as for `--advertise`.
 * @param text "head", "10.0.0.7", "::1" or "[::1]"
 * @returns the host as in an address: IPv6 in brackets
 * @throws CoxswainError "config" that names the key or flag
 */
export function parseHost(text: string, { name }: Pick<AddressOptions, "name">): string {
  const host = isIPv6(text) ? `[${text}]` : text;
  const problem = addressProblem(`${host}:1`, {});
  if (problem === undefined) return host;
  const shown = JSON.stringify(text);
  const message = /:\d+$/.test(text) ? `${shown} has a port; give only a host` : `${shown} is not a host`;
  throw new CoxswainError("config", `${name}: ${message}`, {
    hint: "Write a name or an IP address, as in head.example, 10.0.0.7 or ::1.",
  });
}

interface AddressProblem {
  readonly message: string;
  readonly hint: string;
}

const hint = "Write HOST:PORT, as in 127.0.0.1:7070, or [::1]:7070 for an IPv6 address.";

/** What is wrong with an address (without the name of the key), or undefined. */
export function addressProblem(text: string, options: Omit<AddressOptions, "name">): AddressProblem | undefined {
  const shown = JSON.stringify(text);
  if (text.includes("://")) {
    return { message: `${shown} is a URL; an address is HOST:PORT`, hint: "Omit the scheme and the path." };
  }
  const { host, port } = split(text);
  if (isIPv6(host) && host.includes("%")) {
    return {
      message: `${shown} has a zone (%${host.split("%", 2)[1] ?? ""}), which connections do not support`,
      hint: "Give an address without a zone that is unique in its network, or a host name.",
    };
  }
  if (isIPv6(text) || (text.split(":").length > 2 && !text.startsWith("["))) {
    return { message: `${shown} has more than one colon`, hint: "Put an IPv6 address in brackets: [::1]:7070." };
  }
  if (!text.includes(":") || Number.isNaN(port)) return { message: `${shown} is not HOST:PORT`, hint };
  if (host === "") {
    return {
      message: `${shown} has no host`,
      hint: "Write 127.0.0.1 for this machine only, or 0.0.0.0 for all interfaces.",
    };
  }
  const valid = text.startsWith("[")
    ? isIPv6(host)
    : isIP(host) !== 0 || (hostName.test(host) && !/^[\d.]+$/.test(host));
  if (!valid) return { message: `${shown}: ${JSON.stringify(host)} is neither a name nor an IP address`, hint };
  if (port > 65535) return { message: `${shown}: a port is at most 65535`, hint };
  if (port === 0 && options.allowPortZero !== true) return { message: `${shown}: port 0 cannot be reached`, hint };
  return undefined;
}

/** Splits at the last colon; the port is NaN unless it consists of digits. */
function split(text: string): Address {
  const colon = text.lastIndexOf(":");
  const digits = text.slice(colon + 1);
  const host = text.slice(0, Math.max(0, colon));
  const bracketed = /^\[(.*)\]$/.exec(host);
  return { host: bracketed?.[1] ?? host, port: /^\d{1,10}$/.test(digits) ? Number(digits) : Number.NaN };
}

/** The text of an address; IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

const everyIPv4 = new BlockList();
everyIPv4.addAddress("0.0.0.0", "ipv4");
const everyIPv6 = new BlockList();
everyIPv6.addAddress("::", "ipv6");

/** Whether a host means all interfaces, in any spelling: 0.0.0.0, ::, 0:0:0:0:0:0:0:0. */
export const isEveryInterface = (host: string): boolean =>
  everyIPv4.check(host, "ipv4") || (isIPv6(host) && everyIPv6.check(host, "ipv6"));

/** The host to connect to from this machine: a wildcard address is replaced by loopback. */
export function reachableHost(host: string): string {
  if (!isEveryInterface(host)) return host;
  return isIPv6(host) ? "::1" : "127.0.0.1";
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
loopback.addSubnet("::ffff:127.0.0.0", 104, "ipv6");

/** Whether only this machine can reach a host: `localhost`, 127.0.0.0/8, ::1. A name is not looked up. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 6 ? "ipv6" : "ipv4");
}

/** What determines whether strangers could join a run. */
export interface Exposure {
  readonly listen: Address;
  readonly tls: boolean;
  readonly token: boolean;
  /** `--insecure` was given. */
  readonly insecure: boolean;
}

/**
 * Refuses to listen beyond loopback without TLS or a token.
 * @param name the key or flag that the address came from
 * @throws CoxswainError "config"
 */
export function refuseExposure(exposure: Exposure, name: string): void {
  if (exposure.insecure || exposure.tls || exposure.token || isLoopback(exposure.listen.host)) return;
  throw new CoxswainError(
    "config",
    `${name}: ${formatAddress(exposure.listen)} can be reached from other machines, and the run has neither TLS nor a token`,
    { hint: "Set cluster.token (or COXSWAIN_TOKEN) or cluster.tls, or give --insecure on a network that you trust." },
  );
}
