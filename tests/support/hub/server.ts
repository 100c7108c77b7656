/** A small HTTP server that acts like the Hugging Face hub, as far as its library asks. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface HubServer {
  readonly url: string;
  /** "GET /path" of every request, in order, with the range if any. */
  readonly requests: string[];
  readonly authorizations: Set<string | undefined>;
}

export interface HubServerOptions {
  readonly id: string;
  readonly commit: string;
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** Answers every request with this status. */
  readonly status?: number;
  /** Breaks the connection after this many bytes of a file's body, the first time that file is fetched whole. */
  readonly breakAfter?: number;
  /** Sends these bytes in place of a file's own. */
  readonly corrupt?: Readonly<Record<string, Uint8Array>>;
  /** PEM: it speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export async function startHub(options: HubServerOptions): Promise<HubServer> {
  const requests: string[] = [];
  const authorizations = new Set<string | undefined>();
  const broken = new Set<string>();
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url ?? "", "http://hub");
    requests.push(`GET ${decodeURIComponent(pathname)}${request.headers.range ? ` ${request.headers.range}` : ""}`);
    authorizations.add(request.headers.authorization);
    answer(options, broken, decodeURIComponent(pathname), request, response);
  };
  const server = options.tls === undefined ? createServer(onRequest) : createTlsServer(options.tls, onRequest);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const scheme = options.tls === undefined ? "http" : "https";
  return { url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, authorizations };
}

function answer(
  options: HubServerOptions,
  broken: Set<string>,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { id, commit, files, status } = options;
  const json = (code: number, value: unknown): void => {
    response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  if (status !== undefined) {
    json(status, { error: "no" });
    return;
  }
  const revision = /^\/api\/models\/(.+)\/revision\/(.+)$/.exec(path);
  if (revision) {
    if (revision[1] !== id) {
      json(401, { error: "Repository not found" });
      return;
    }
    if (!["main", "HEAD", commit].includes(revision[2] ?? "")) {
      json(404, { error: "Invalid rev id" });
      return;
    }
    json(200, {
      _id: "1",
      id,
      sha: commit,
      private: false,
      gated: false,
      downloads: 0,
      likes: 0,
      lastModified: "2025-01-01T00:00:00.000Z",
    });
    return;
  }
  if (path === `/api/models/${id}/tree/${commit}`) {
    json(200, Object.entries(files).map(treeEntry));
    return;
  }
  const name = path.startsWith(`/${id}/resolve/${commit}/`) ? path.slice(`/${id}/resolve/${commit}/`.length) : "";
  const content = files[name];
  if (content === undefined) {
    response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
    return;
  }
  sendFile(options, broken, name, Buffer.from(options.corrupt?.[name] ?? content), request, response);
}

/** Large files are in LFS (SHA-256), small ones in git (SHA-1 of the blob). */
function treeEntry([path, content]: [string, Uint8Array | string]): unknown {
  const bytes = Buffer.from(content);
  const oid = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  const common = { type: "file", path, size: bytes.length, oid };
  if (!path.endsWith(".safetensors")) return common;
  return {
    ...common,
    lfs: { oid: createHash("sha256").update(bytes).digest("hex"), size: bytes.length, pointerSize: 130 },
  };
}

function sendFile(
  options: HubServerOptions,
  broken: Set<string>,
  name: string,
  bytes: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const common = { etag: `"${name}"`, "content-type": "application/octet-stream" };
  if (range) {
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
    const part = bytes.subarray(from, to + 1);
    response.writeHead(206, {
      ...common,
      "content-length": part.length,
      "content-range": `bytes ${from}-${to}/${bytes.length}`,
    });
    response.end(part);
    return;
  }
  response.writeHead(200, { ...common, "content-length": bytes.length });
  const { breakAfter } = options;
  if (breakAfter !== undefined && breakAfter < bytes.length && !broken.has(name)) {
    broken.add(name);
    response.write(bytes.subarray(0, breakAfter), () => response.destroy());
    return;
  }
  response.end(bytes);
}
