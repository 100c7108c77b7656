/** The network of one worker on this machine: its route to the coordinator, and the others' route to it. */
import type { Address } from "../config/index.js";
import { formatAddress } from "../config/index.js";
import { canListen, freePort } from "./ports.js";
import { Proxy } from "./proxy.js";

export const local = "127.0.0.1";
/** A second loopback address, at which others reach a worker's own server through its proxy. */
const proxied = "127.0.0.2";

export interface WorkerNetwork {
  readonly proxy: Proxy;
  /** Arguments of `coxswain worker` that route it and others through the proxy. */
  readonly flags: readonly string[];
}

/**
 * Routes the worker's connections to the coordinator through a proxy, and the others' connections to the worker too, if
 * this machine has a second loopback address. Under TLS a worker has no server of its own.
 */
export async function openNetwork(coordinator: Address, tls: boolean): Promise<WorkerNetwork> {
  const toCoordinator = { listen: { host: local, port: 0 }, target: coordinator, worker: "client" } as const;
  const flagsOf = (proxy: Proxy): string[] => [
    "--coordinator",
    formatAddress({ host: local, port: proxy.ports[0] ?? 0 }),
  ];
  if (tls || !(await canListen(proxied, 0))) {
    const proxy = await Proxy.open([toCoordinator]);
    return { proxy, flags: flagsOf(proxy) };
  }
  const port = await freePort([local, proxied]);
  const target = { host: local, port };
  const proxy = await Proxy.open([toCoordinator, { listen: { host: proxied, port }, target, worker: "target" }]);
  return { proxy, flags: [...flagsOf(proxy), "--listen", formatAddress(target), "--advertise", proxied] };
}
