/**
 * The worker's own server, listening where its coordinator can reach it: on loopback for a coordinator on this machine,
 * else on every interface. If the next coordinator is elsewhere, it listens again.
 */
import { isIPv4 } from "node:net";
import { isLoopback, parseAddress } from "../../config/index.js";
import type { ClientTls } from "../../rpc/index.js";
import type { DataServer } from "../transport.js";
import { startDataServer } from "./data-server.js";
import type { OpenDataServer } from "./data-server.js";

export interface DataServersOptions {
  /** HOST:PORT; "none" starts none; undefined: where the coordinator can reach it. */
  readonly listen: string | undefined;
  readonly tls: ClientTls | undefined;
}

export class DataServers {
  readonly #options: DataServersOptions;
  #open: { readonly hosts: string; readonly server: OpenDataServer } | undefined;

  constructor(options: DataServersOptions) {
    this.#options = options;
  }

  /**
   * @param coordinatorHost name or address of the coordinator
   * @returns undefined if the worker has no server
   * @throws CoxswainError "network" when its address cannot be listened on
   */
  async reachableFrom(coordinatorHost: string): Promise<DataServer | undefined> {
    const { listen } = this.#options;
    if (listen === "none") return undefined;
    if (listen !== undefined) {
      const { host, port } = parseAddress(listen, { name: "--listen", allowPortZero: true });
      return this.#listen([host], port);
    }
    return this.#listen(hostsFor(coordinatorHost), 0);
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.server.close();
  }

  /** Listens on the first of these hosts that this machine has; an existing server there is kept. */
  async #listen(hosts: readonly string[], port: number): Promise<DataServer> {
    const key = hosts.join();
    if (this.#open?.hosts === key) return this.#open.server;
    await this.close();
    const tls = this.#options.tls !== undefined;
    let failure: unknown;
    for (const host of hosts) {
      try {
        const server = await startDataServer({ host, port, tls });
        this.#open = { hosts: key, server };
        return server;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }
}

/** "::" also accepts IPv4; a machine without IPv6 does not have it. */
function hostsFor(coordinatorHost: string): readonly string[] {
  if (isLoopback(coordinatorHost)) return [coordinatorHost];
  return isIPv4(coordinatorHost) ? ["0.0.0.0"] : ["::", "0.0.0.0"];
}
