/**
 * A Hugging Face hub on loopback, as far as its library asks: repositories with branches and commits, the API's lists in
 * pages, large files through redirects to another server (the CDN), with ranges; new repositories, uploads, commits.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerContent } from "./content.js";
import { answerPublishing } from "./publishing.js";

export type Files = ReadonlyMap<string, Buffer>;

export interface Repository {
  readonly kind: "model" | "dataset";
  readonly id: string;
  /** Commits by branch. */
  readonly branches: Map<string, string>;
  /** Files by commit. */
  readonly commits: Map<string, Files>;
  /** Answers to requests for content: "gated", or everything: "private". */
  access: "open" | "gated" | "private";
  /** What a renamed repository is now called. */
  movedTo?: string;
}

/** What is to go wrong. */
export interface Troubles {
  /** Bytes of a large file after which its connection breaks, once per entry, in order. */
  readonly breakAfter: number[];
  /** Bytes of a large file after which nothing more comes, and the connection stays open. */
  stallAfter?: number;
  /** Status of requests whose path matches. */
  readonly statuses: [path: RegExp, status: number, body?: object][];
  /** Requests whose path matches get no answer: their connection breaks. */
  readonly cut: RegExp[];
  /** The CDN ignores ranges. */
  noRanges?: boolean;
  /** Requests whose line in `requests` matches are not answered. */
  readonly hold: RegExp[];
  /** Every request to the hub is redirected to this server. */
  redirect?: string;
}

export class FakeHub {
  /** "GET /path" of every request to the hub itself, and "CDN GET /path bytes=…" of those to its CDN. */
  readonly requests: string[] = [];
  /** Tokens with which the hub was asked, and those that the CDN saw, which must be none. */
  readonly tokens = new Set<string>();
  readonly cdnTokens = new Set<string>();
  /** Bytes of large files that were sent. */
  bytesSent = 0;
  readonly repositories: Repository[] = [];
  /** New names of repositories that are written to, by the old ones. */
  readonly renamed = new Map<string, string>();
  readonly troubles: Troubles = { breakAfter: [], statuses: [], cut: [], hold: [] };
  /** Tokens that may write. */
  readonly writers = new Set<string>();
  /** Large files by SHA-256, from any repository or upload. */
  readonly objects = new Map<string, Buffer>();
  /** Entries per page of a list. */
  pageSize = 1000;
  url = "";
  /** Another host name than the hub's, so that tokens must not be passed on. */
  cdnUrl = "";
  readonly #watchers = new Set<[pattern: RegExp, tell: () => void]>();
  readonly #servers: [hub: Server, cdn: Server];

  private constructor() {
    this.#servers = [
      createServer((request, response) => this.#answer(request, response)),
      createServer((request, response) => this.#answerCdn(request, response)),
    ];
  }

  static async start(): Promise<FakeHub> {
    const hub = new FakeHub();
    for (const server of hub.#servers) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const [port, cdnPort] = hub.#servers.map((server) => (server.address() as AddressInfo).port);
    hub.url = `http://127.0.0.1:${port!}`;
    hub.cdnUrl = `http://localhost:${cdnPort!}`;
    return hub;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  /** Adds a repository with a commit in `main`. */
  add(kind: Repository["kind"], id: string, files: Readonly<Record<string, string | Uint8Array>>): Repository {
    const repository: Repository = { kind, id, branches: new Map(), commits: new Map(), access: "open" };
    this.repositories.push(repository);
    this.commit(repository, "main", files);
    return repository;
  }

  /** A new commit of a branch with exactly these files. @returns the commit */
  commit(repository: Repository, branch: string, files: Readonly<Record<string, string | Uint8Array>>): string {
    const content = new Map(Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes)]));
    const commit = createHash("sha1").update(`${repository.id} ${branch} ${repository.commits.size}`).digest("hex");
    repository.branches.set(branch, commit);
    repository.commits.set(commit, content);
    for (const bytes of content.values()) if (isLarge(bytes)) this.objects.set(sha256(bytes), bytes);
    return commit;
  }

  find(kind: Repository["kind"], id: string): Repository | undefined {
    return this.repositories.find((each) => each.kind === kind && each.id === id);
  }

  /** Resolves when a request arrives whose line in `requests` matches. */
  requested(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => this.#watchers.add([pattern, resolve]));
  }

  #note(line: string): void {
    this.requests.push(line);
    for (const watcher of [...this.#watchers].filter(([pattern]) => pattern.test(line))) {
      this.#watchers.delete(watcher);
      watcher[1]();
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? "", "http://hub").pathname);
    this.#note(`${request.method ?? ""} ${path}${request.headers.range ? ` ${request.headers.range}` : ""}`);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token !== undefined) this.tokens.add(token);
    if (this.#isTroubled(path, request, response) || this.#isRedirected(path, request, response)) return;
    if (answerPublishing(this, path, token, request, response)) return;
    if (answerContent(this, path, token, request, response)) return;
    json(response, 404, { error: "Not found" });
  }

  #answerCdn(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? "", "http://cdn");
    this.#note(`CDN ${request.method ?? ""} ${pathname}${request.headers.range ? ` ${request.headers.range}` : ""}`);
    if (request.headers.authorization !== undefined) this.cdnTokens.add(request.headers.authorization);
    if (this.#isTroubled(pathname, request, response)) return;
    if (request.method === "PUT") {
      receive(request, (bytes) => {
        const name = pathname.slice("/upload/".length);
        if (sha256(bytes) !== name) {
          json(response, 400, { error: "the content does not have the announced hash" });
          return;
        }
        this.objects.set(name, bytes);
        response.writeHead(200).end();
      });
      return;
    }
    const bytes = this.objects.get(pathname.slice("/objects/".length));
    if (bytes === undefined) response.writeHead(404).end();
    else sendLarge(this, bytes, request, response);
  }

  #isRedirected(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    const { redirect } = this.troubles;
    const old = [...this.renamed.keys()].find((id) => path.includes(id));
    if (redirect === undefined && old === undefined) return false;
    const url = request.url ?? "";
    const location =
      redirect === undefined ? url.replace(old ?? "", this.renamed.get(old ?? "") ?? "") : redirect + url;
    response.writeHead(307, { location }).end();
    return true;
  }

  #isTroubled(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (this.troubles.hold.some((hold) => hold.test(this.requests.at(-1) ?? ""))) return true;
    if (this.troubles.cut.some((cut) => cut.test(path))) {
      request.socket.destroy();
      return true;
    }
    const found = this.troubles.statuses.find(([pattern]) => pattern.test(path));
    if (found === undefined) return false;
    json(response, found[1], found[2] ?? { error: "no" });
    return true;
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Files of this size are kept outside git, as LFS objects. */
export const isLarge = (bytes: Uint8Array): boolean => bytes.length > 1000;

export function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

export function receive(request: IncomingMessage, use: (bytes: Buffer) => void): void {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part)).on("end", () => use(Buffer.concat(parts)));
}

/** Sends a range or all of a large file, and breaks or stalls as `troubles` say. */
function sendLarge(hub: FakeHub, bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const range = hub.troubles.noRanges === true ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const from = Number(range?.[1] ?? 0);
  const to = Math.min(range === null || range[2] === "" ? Infinity : Number(range[2]), bytes.length - 1);
  const part = bytes.subarray(from, to + 1);
  response.writeHead(range === null ? 200 : 206, {
    etag: `"${sha256(bytes)}"`,
    "content-length": part.length,
    ...(range === null ? {} : { "content-range": `bytes ${from}-${to}/${bytes.length}` }),
  });
  const isProbe = part.length <= 1;
  const { stallAfter } = hub.troubles;
  const after = isProbe ? undefined : (stallAfter ?? hub.troubles.breakAfter.shift());
  const sent = part.subarray(0, after);
  if (!isProbe) hub.bytesSent += sent.length;
  if (sent.length === part.length) {
    response.end(part);
    return;
  }
  response.write(sent, () => {
    if (stallAfter === undefined) response.destroy();
  });
}
