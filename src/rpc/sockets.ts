/** Listening TCP sockets on all addresses of a host. Knows no protocol. */
import { once } from "node:events";
import { lookup } from "node:dns/promises";
import { createServer, isIP } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { formatAddress } from "../config/index.js";
import type { Address } from "../config/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { networkTrouble } from "../system-errors.js";

export interface ListeningSockets {
  /** The port they really have (0 asked for a free one). */
  readonly port: number;
  /** Accepts no more; connections stay. */
  close(): void;
  /** Resolves when no connection is open. */
  emptied(): Promise<void>;
}

/**
 * @param onConnection gets every connection that comes in
 * @throws the system's error where the port is taken, or none of the host's addresses can be listened on
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
  // "localhost" is 127.0.0.1 and ::1: one of the two may not exist here, but both have the same port.
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

/** Whether an error says that another process listens there. */
const isTaken = (error: unknown): boolean => systemCodeOf(error) === "EADDRINUSE";

/** In a user's words. @param key the key or flag that the address came from */
export function listenTrouble(error: unknown, address: Address, key: string): CoxswainError {
  const text = formatAddress(address);
  const trouble = networkTrouble(systemCodeOf(error));
  const message = isTaken(error)
    ? `${key}: the port of ${text} is in use`
    : `${key}: cannot listen on ${text}: ${trouble?.words ?? messageOf(error)}`;
  const hint = isTaken(error)
    ? "Stop what uses it, or choose another port (0 takes a free one)."
    : (trouble?.hint ?? "Use an address of this machine.");
  return new CoxswainError("network", message, { hint, cause: error });
}

function listening(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      // Of single connections, such as no file descriptor being left: the others go on.
      server.on("error", () => undefined);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
