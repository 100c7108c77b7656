/** `/metrics`, `/healthz` and `/readyz` over HTTP. Knows nothing of what is measured, nor of what makes a process ready. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { formatAddress, parseAddress, type Address } from "../config/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import type { MetricsText } from "./prometheus.js";

/** true, or why not: false, or a reason in words. */
export type Verdict = boolean | string;

export interface TelemetryOptions {
  /** HOST:PORT; port 0 takes a free one. */
  readonly address: string;
  /** The key or flag that the address came from, for messages. Default "telemetry.http". */
  readonly name?: string;
  readonly metrics: MetricsText;
  /** Whether the process can do its work now (`/readyz`): a probe sends it no work while it cannot. */
  readonly ready: () => Verdict;
  /** Whether the process is sound (`/healthz`): a probe restarts it when it is not. Default: always. */
  readonly healthy?: () => Verdict;
}

export interface TelemetryServer extends Address {
  /** HOST:PORT with the port it really has. */
  readonly address: string;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
}

/**
 * Starts serving.
 * @throws CoxswainError "config" for an address that cannot be read, "network" for one that cannot be listened on
 */
export async function serveTelemetry(options: TelemetryOptions): Promise<TelemetryServer> {
  const { address, name = "telemetry.http" } = options;
  const { host, port } = parseAddress(address, { name, allowPortZero: true });
  const server = createServer((request, response) => {
    answer(request, options).then(
      (reply) => send(request, response, reply),
      (error: unknown) =>
        send(request, response, plain(500, `the metrics could not be collected: ${messageOf(error)}`)),
    );
  });
  // Scrapers keep connections open for longer than their interval of up to a minute.
  server.keepAliveTimeout = 65_000;
  await listen(server, { host, port }, name);
  const bound = { host, port: (server.address() as AddressInfo).port };
  return { ...bound, address: formatAddress(bound), close: () => close(server) };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { "Content-Type": "text/plain; charset=utf-8", ...headers }, body: `${text}\n` };
}

async function answer(request: IncomingMessage, options: TelemetryOptions): Promise<Reply> {
  const path = (request.url ?? "/").split("?", 1).join("");
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return plain(404, `there are ${Object.keys(pages).join(", ")}`);
  if (request.method === "GET" || request.method === "HEAD") return page(options);
  return plain(405, "only GET and HEAD are answered", { Allow: "GET, HEAD" });
}

const pages: Readonly<Partial<Record<string, (options: TelemetryOptions) => Reply | Promise<Reply>>>> = {
  "/metrics": async ({ metrics }) => ({
    status: 200,
    headers: { "Content-Type": metrics.contentType },
    body: await metrics.text(),
  }),
  "/healthz": ({ healthy }) => verdict(healthy?.() ?? true, "ok", "not healthy"),
  "/readyz": ({ ready }) => verdict(ready(), "ready", "not ready"),
};

function verdict(found: Verdict, good: string, bad: string): Reply {
  if (found === true) return plain(200, good);
  return plain(503, found === false ? bad : `${bad}: ${found}`);
}

function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, {
    ...headers,
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : body);
  // A body that nobody reads would hold the connection.
  request.resume();
}

function listen(server: Server, address: Address, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(cannotListen(error, address, name)));
    server.listen(address.port, address.host, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

function cannotListen(error: Error, address: Address, name: string): CoxswainError {
  const text = formatAddress(address);
  const code = systemCodeOf(error);
  if (code === "EADDRINUSE") {
    return new CoxswainError("network", `${name}: port ${address.port} of ${text} is in use`, {
      hint: `Set ${name} to another port, to port 0 for a free one, or to null for no metrics.`,
      cause: error,
    });
  }
  const reasons: Readonly<Record<string, string>> = {
    EACCES: "this user may not listen on this port",
    EADDRNOTAVAIL: "the address is not one of this machine",
    ENOTFOUND: "there is no host of this name",
  };
  return new CoxswainError("network", `${name}: cannot listen on ${text}: ${reasons[code ?? ""] ?? messageOf(error)}`, {
    hint: `Set ${name} to an address of this machine and a port above 1023, or to null for no metrics.`,
    cause: error,
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
