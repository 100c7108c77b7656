/**
 * The connections of an HTTP server: as many as are allowed, and each as long as it says something. A newcomer takes the
 * place of another, so that a probe is answered whatever else is connected.
 */
import type { Server, ServerOptions } from "node:http";
import type { Socket } from "node:net";
import { Crowd, addressOf } from "../connections/index.js";

/** Options of a server whose callers are not trusted. */
export const patientOptions: ServerOptions = {
  // From the connection or the previous answer, ms.
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  // Scrapers keep connections open for longer than their interval of up to a minute.
  keepAliveTimeout: 65_000,
};

interface Connection {
  readonly address: string;
  readonly socket: Socket;
  /** Its request is being answered. */
  busy: boolean;
}

/** @param onRefused called for every connection that was closed for another */
export function limitConnections(server: Server, most: number, onRefused: () => void = () => undefined): void {
  const open = new Crowd<Connection>();
  const of = new WeakMap<Socket, Connection>();
  server.on("connection", (socket: Socket) => {
    const connection = { address: addressOf(socket), socket, busy: false };
    const oldest = open.size < most ? undefined : open.givesWay(({ busy }) => !busy);
    if (oldest !== undefined) {
      // It is closed a moment later, and must not be chosen again.
      open.remove(oldest.address, oldest);
      oldest.socket.destroy();
      onRefused();
    }
    open.add(connection.address, connection);
    of.set(socket, connection);
    socket.once("close", () => open.remove(connection.address, connection));
  });
  server.on("request", ({ socket }, response) => {
    const connection = of.get(socket);
    if (connection === undefined) return;
    connection.busy = true;
    response.once("close", () => (connection.busy = false));
  });
}
