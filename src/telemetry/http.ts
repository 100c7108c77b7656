/**
 * `/metrics`, `/healthz`, `/readyz` and further pages over HTTP. Does not know what is measured, or what makes a
 * process ready.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { detach } from "../async/index.js";
import { formatAddress, parseAddress, type Address } from "../config/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { openFilesLimit } from "../host/index.js";
import { isOwnHost } from "./host-header.js";
import { limitConnections, patientOptions } from "./http-connections.js";
import type { MetricsText } from "./prometheus.js";
import { plain, type Page, type Reply } from "./reply.js";
import { Scrapes } from "./scrapes.js";

/** true, or why not: false, or a reason in words. */
export type Verdict = boolean | string;

export interface TelemetryOptions {
  /** HOST:PORT; port 0 selects a free one. */
  readonly address: string;
  /** The key or flag that the address came from, for messages. Default "telemetry.http". */
  readonly name?: string;
  readonly metrics: MetricsText;
  /** Readiness (`/readyz`): a probe sends no work to the process while it is not ready. */
  readonly ready: () => Verdict;
  /** Liveness (`/healthz`): a probe restarts the process if it is unhealthy. Default: healthy. */
  readonly healthy?: () => Verdict;
  /** Connections at the same time. Default: `connectionsFor` the open files that this process may have. */
  readonly connections?: number;
  /** Called for every connection that is closed for another. */
  readonly onRefused?: () => void;
  /** Names in the Host header, beside this machine's own, under which it is served. Default: none. */
  readonly allowedHosts?: readonly string[];
  /** Further pages. Default: none. */
  readonly pages?: readonly Page[];
}

export interface TelemetryServer extends Address {
  /** HOST:PORT with the port it really has. */
  readonly address: string;
  /**
   * If this process is scraped regularly: resolves after one more scrape, so that the last values are seen, or when
   * that is late, or when the signal aborts. Otherwise undefined.
   */
  lastScrape(signal: AbortSignal): Promise<void> | undefined;
  /** Serves further pages from now on. */
  add(pages: readonly Page[]): void;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
}

/**
 * Starts serving.
 * @throws CoxswainError "config" for an invalid address, "network" for one that cannot be bound
 */
export async function serveTelemetry(options: TelemetryOptions): Promise<TelemetryServer> {
  const { address, name = "telemetry.http" } = options;
  const { host, port } = parseAddress(address, { name, allowPortZero: true });
  const scrapes = new Scrapes();
  const pages = new Map([...ownPages(options), ...(options.pages ?? [])].map((page) => [page.path, page]));
  const server = createServer(patientOptions, (request, response) => {
    const askedAt = performance.now();
    const isOurs = isOwnHost(request.headers.host, host, options.allowedHosts);
    const answered = (isOurs ? answer(request, pages) : Promise.resolve(foreignHost))
      .catch((error: unknown) => plain(500, `the page could not be generated: ${messageOf(error)}`))
      .then((reply) => send(request, response, reply));
    detach(answered, () => response.destroy());
    if (request.method === "GET" && pathOf(request) === "/metrics")
      response.once("finish", () => scrapes.answered(askedAt));
  });
  limitConnections(server, options.connections ?? connectionsFor(openFilesLimit()), options.onRefused);
  await listen(server, { host, port }, name);
  const bound = { host, port: (server.address() as AddressInfo).port };
  return {
    ...bound,
    address: formatAddress(bound),
    lastScrape: (signal) => scrapes.next(signal),
    add: (more) => {
      for (const page of more) pages.set(page.path, page);
    },
    close: () => close(server),
  };
}

/** A small part of the open files, so that enough remain for workers and for checkpoints. */
export const connectionsFor = (openFiles: number): number => Math.max(16, Math.min(256, Math.floor(openFiles / 8)));

const foreignHost = plain(
  403,
  "this host name is not served here: use the machine's address (http://127.0.0.1, if necessary through a tunnel), or list the name in telemetry.allowed_hosts",
);

const pathOf = (request: IncomingMessage): string => (request.url ?? "/").split("?", 1).join("");

async function answer(request: IncomingMessage, pages: ReadonlyMap<string, Page>): Promise<Reply> {
  const page = pages.get(pathOf(request));
  if (page === undefined) return plain(404, `not found; available: ${[...pages.keys()].join(", ")}`);
  if (request.method === "GET" || request.method === "HEAD") return page.answer(request);
  return plain(405, "only GET and HEAD are supported", { Allow: "GET, HEAD" });
}

const ownPages = ({ metrics, healthy, ready }: TelemetryOptions): readonly Page[] => [
  {
    path: "/metrics",
    answer: async () => ({
      status: 200,
      headers: { "Content-Type": metrics.contentType },
      body: await metrics.text(),
    }),
  },
  { path: "/healthz", answer: () => verdict(healthy?.() ?? true, "ok", "not healthy") },
  { path: "/readyz", answer: () => verdict(ready(), "ready", "not ready") },
];

function verdict(found: Verdict, good: string, bad: string): Reply {
  if (found === true) return plain(200, good);
  return plain(503, found === false ? bad : `${bad}: ${found}`);
}

function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, {
    ...headers,
    ...(typeof body === "string" ? { "Content-Length": String(Buffer.byteLength(body)) } : {}),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  // A body that nobody reads would hold the connection.
  request.resume();
  if (request.method === "HEAD") response.end();
  else if (typeof body === "string") response.end(body);
  else body(response);
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
    EACCES: "no permission to listen on this port",
    EADDRNOTAVAIL: "not an address of this machine",
    ENOTFOUND: "no such host",
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
