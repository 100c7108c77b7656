/** Listening TCP sockets on all addresses of a host. Independent of the protocol. */
import { once } from "node:events";
import { lookup } from "node:dns/promises";
import { createServer, isIP } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { formatAddress } from "../config/index.js";
import type { Address } from "../config/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { networkTrouble } from "../system-errors.js";

export interface ListeningSockets {
  /** The actual port (if port 0 was requested, the one assigned). */
  readonly port: number;
  /** Stops accepting; open connections stay. */
  close(): void;
  /** Resolves when all connections are closed. */
  emptied(): Promise<void>;
}

/**
 * @param onConnection called for every incoming connection
 * @throws the system's error if the port is in use, or it cannot listen on any of the host's addresses
 */
export async function listenOn(
  host: string,
  port: number,
  onConnection: (socket: Socket) => void,
): Promise<ListeningSockets> {
  const addresses = isIP(host) === 0 ? (await lookup(host, { all: true })).map(({ address }) => address) : [host];
  const servers: Server[] = [];
  let chosen = port;
  let failure: unknown;
  const close = (): void => {
    for (const server of servers) server.close();
  };
  const open = new Set<Socket>();
  const take = (socket: Socket): void => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    onConnection(socket);
  };
  const emptied = async (): Promise<void> => {
    await Promise.all(Array.from(open, (socket) => once(socket, "close").catch(() => undefined)));
  };
  // "localhost" is 127.0.0.1 and ::1: one of the two may be missing here, but both use the same port.
  for (const address of new Set(addresses)) {
    const server = createServer(take);
    try {
      chosen = await listening(server, address, chosen);
      servers.push(server);
    } catch (error) {
      failure = error;
      if (port === 0 || !isTaken(error)) continue;
      close();
      throw error;
    }
  }
  if (servers.length === 0)
    throw failure instanceof Error ? failure : new CoxswainError("network", `${host} has no address`);
  return { port: chosen, close, emptied };
}

/** Whether the error means that another process listens there. */
const isTaken = (error: unknown): boolean => systemCodeOf(error) === "EADDRINUSE";

/** The error for users. @param key the key or flag that set the address */
export function listenTrouble(error: unknown, address: Address, key: string): CoxswainError {
  const text = formatAddress(address);
  const trouble = networkTrouble(systemCodeOf(error));
  const message = isTaken(error)
    ? `${key}: the port of ${text} is in use`
    : `${key}: cannot listen on ${text}: ${trouble?.words ?? messageOf(error)}`;
  const hint = isTaken(error)
    ? "Stop the program that uses it, or choose another port (0 picks a free one)."
    : (trouble?.hint ?? "Use an address of this machine.");
  return new CoxswainError("network", message, { hint, cause: error });
}

function listening(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      // Errors of single connections, such as running out of file descriptors: the others continue.
      server.on("error", () => undefined);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
