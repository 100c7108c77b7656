/**
 * Which addresses of workers' own servers the coordinator connects to: that which the worker calls from, and those in
 * `cluster.data_networks`. A member can therefore not make the coordinator, or other workers, connect to anything else.
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP, isIPv4 } from "node:net";
import { messageOf } from "../../errors.js";

/** Resolves a name to IP addresses. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export const resolveName: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/** A host to connect to (IPv6 in brackets), or why the coordinator does not. */
export type Allowed = { readonly host: string } | { readonly reason: string };

export class DataNetworks {
  readonly #names: ReadonlySet<string>;
  readonly #networks = new BlockList();
  readonly #resolve: Resolve;

  /** @param entries IP addresses, networks (10.0.0.0/8) and host names */
  constructor(entries: readonly string[], resolve: Resolve = resolveName) {
    this.#names = new Set(entries.map((entry) => entry.toLowerCase()));
    this.#resolve = resolve;
    for (const entry of entries) {
      const [address = "", prefix] = entry.split("/");
      if (isIP(address) === 0) continue;
      const most = isIPv4(address) ? 32 : 128;
      this.#networks.addSubnet(address, Number(prefix ?? most), isIPv4(address) ? "ipv4" : "ipv6");
    }
  }

  /**
   * @param advertised the host that a worker gives for its server, as in an address
   * @param source the host that it calls from, as in an address; undefined if unknown
   */
  async allow(advertised: string, source: string | undefined): Promise<Allowed> {
    const host = plain(advertised);
    if (this.#names.has(host.toLowerCase())) return { host: advertised };
    if (isIP(host) !== 0) return this.#isAllowed(host, source) ? { host: advertised } : refusal(advertised, source);
    try {
      const addresses = await this.#resolve(host);
      // Its address, not its name: that could have another address by then.
      const found = addresses.find((address) => this.#isAllowed(plain(address), source));
      return found === undefined ? refusal(advertised, source) : { host: isIPv4(found) ? found : `[${found}]` };
    } catch (error) {
      return { reason: `its address ${advertised} cannot be resolved: ${messageOf(error)}` };
    }
  }

  #isAllowed(address: string, source: string | undefined): boolean {
    const from = plain(source ?? "");
    return address === from || (isLocal(address) && isLocal(from)) || contains(this.#networks, address);
  }
}

/** Without brackets; an IPv4 address that is mapped to IPv6 as IPv4. */
const plain = (host: string): string =>
  host
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/%.*$/, "")
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");

const contains = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, isIPv4(address) ? "ipv4" : "ipv6");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
const isLocal = (address: string): boolean => contains(loopback, address);

const refusal = (advertised: string, source: string | undefined): Allowed => ({
  reason:
    `it gives the address ${advertised}, but calls from ${source ?? "an unknown address"}: ` +
    "allow its network with cluster.data_networks",
});
