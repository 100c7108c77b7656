/** A small HTTP proxy on loopback: forwards CONNECT and plain requests as configured, and records them. */
import { createServer, request } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface HttpProxyOptions {
  /** The required USER:PASSWORD. */
  readonly credentials?: string;
  /** The status of every answer. */
  readonly status?: number;
}

export class HttpProxy {
  /** HOST:PORT of every requested connection. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Every name resolves to loopback: a connection to `coordinator.test` proves that the proxy was used. */
  static async start({ credentials, status }: HttpProxyOptions = {}): Promise<HttpProxy> {
    const server = createServer();
    const proxy = new HttpProxy(server);
    const refusal = ({ headers }: IncomingMessage): number | undefined => {
      const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
      return status ?? (headers["proxy-authorization"] === expected ? undefined : 407);
    };
    server.on("connection", (socket: Socket) => proxy.#sockets.add(socket));
    server.on("connect", (asked: IncomingMessage, socket: Socket) => {
      const target = asked.url ?? "";
      proxy.asked.push(target);
      // A refused caller may be gone before the answer arrives. The server no longer handles errors of this socket.
      socket.on("error", () => socket.destroy());
      const refused = refusal(asked);
      if (refused !== undefined) {
        socket.end(`HTTP/1.1 ${refused} Refused\r\n\r\n`);
        return;
      }
      const upstream = connect({ host: "127.0.0.1", port: Number(target.split(":").at(-1)) }, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.pipe(upstream).pipe(socket);
      });
      const end = (): void => {
        socket.destroy();
        upstream.destroy();
      };
      socket.on("error", end).on("close", end);
      upstream.on("error", end).on("close", end);
      proxy.#sockets.add(upstream);
    });
    server.on("request", (asked, answer) => {
      const { host, port, pathname, search } = new URL(asked.url ?? "/", "http://127.0.0.1");
      proxy.asked.push(host);
      const refused = refusal(asked);
      if (refused !== undefined) {
        answer.writeHead(refused).end();
        return;
      }
      const headers = { ...asked.headers };
      delete headers["proxy-authorization"];
      const onwards = request(
        { host: "127.0.0.1", port, path: pathname + search, method: asked.method, headers },
        (upstream) => {
          answer.writeHead(upstream.statusCode ?? 502, upstream.headers);
          upstream.pipe(answer);
        },
      ).on("error", () => answer.writeHead(502).end());
      asked.pipe(onwards);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
