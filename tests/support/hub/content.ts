/** The hub's answers to readers: revisions, lists of files, content. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isLarge, json, sha256, type FakeHub, type Repository } from "./hub.js";

/** @returns whether it was a request of this kind */
export function answerContent(
  hub: FakeHub,
  path: string,
  token: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const api = /^\/api\/(model|dataset)s\/((?:[^/]+\/)?[^/]+)\/(revision|tree)\/(.+)$/.exec(path);
  const resolve = /^\/(datasets\/)?((?:[^/]+\/)?[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(path);
  if (!["GET", "HEAD"].includes(request.method ?? "") || (api === null && resolve === null)) return false;
  const kind = (api?.[1] ?? (resolve?.[1] === undefined ? "model" : "dataset")) as Repository["kind"];
  const id = api?.[2] ?? resolve?.[2] ?? "";
  const repository = hub.find(kind, id);
  if (repository?.movedTo !== undefined) {
    response.writeHead(307, { location: (request.url ?? "").replace(id, repository.movedTo) }).end();
    return true;
  }
  // As the hub answers, so that nobody can find out what exists.
  if (repository === undefined || (repository.access === "private" && token === undefined)) {
    if (token === undefined) json(response, 401, { error: "Invalid username or password." });
    else json(response, 404, { error: "Repository not found" }, { "x-error-code": "RepoNotFound" });
    return true;
  }
  if (resolve?.[3] !== undefined) response.setHeader("x-repo-commit", resolve[3]);
  const revision = (api?.[3] === "tree" ? api[4]?.split("/")[0] : api?.[4]) ?? resolve?.[3] ?? "";
  const commit = repository.branches.get(revision) ?? revision;
  const files = repository.commits.get(commit);
  if (files === undefined) {
    json(response, 404, { error: `Invalid rev id: ${revision}` }, { "x-error-code": "RevisionNotFound" });
    return true;
  }
  if (api?.[3] === "revision") {
    json(response, 200, {
      _id: "1",
      id,
      sha: commit,
      private: false,
      gated: false,
      downloads: 0,
      likes: 0,
      lastModified: "2026-01-01T00:00:00.000Z",
    });
  } else if (api !== null) {
    sendPage(hub, [...files].map(treeEntry), request, response);
  } else {
    sendContent(hub, repository, files.get(resolve?.[4] ?? ""), request, response);
  }
  return true;
}

/** Large files are in LFS (SHA-256), small ones in git (SHA-1 of the blob). */
function treeEntry([path, bytes]: [string, Buffer]): unknown {
  const oid = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  const common = { type: "file", path, size: bytes.length, oid };
  if (!isLarge(bytes)) return common;
  return { ...common, lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 }, xetHash: sha256(bytes) };
}

function sendPage(hub: FakeHub, entries: unknown[], request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "", hub.url);
  const start = Number(url.searchParams.get("cursor") ?? 0);
  const end = start + hub.pageSize;
  url.searchParams.set("cursor", String(end));
  json(response, 200, entries.slice(start, end), end < entries.length ? { link: `<${url.href}>; rel="next"` } : {});
}

function sendContent(
  hub: FakeHub,
  repository: Repository,
  bytes: Buffer | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (repository.access === "gated") {
    const error = `Access to dataset ${repository.id} is restricted. You must have access to it and be authenticated to access it.`;
    json(response, request.headers.authorization === undefined ? 401 : 403, { error }, { "x-error-code": "GatedRepo" });
    return;
  }
  if (bytes === undefined) {
    response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
    return;
  }
  if (!isLarge(bytes)) {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const part = range === null ? bytes : bytes.subarray(Number(range[1]), Number(range[2]) + 1);
    const contentRange =
      range === null
        ? {}
        : { "content-range": `bytes ${range[1]!}-${Number(range[1]) + part.length - 1}/${bytes.length}` };
    response
      .writeHead(range === null ? 200 : 206, { etag: '"x"', "content-length": part.length, ...contentRange })
      .end(part);
    return;
  }
  const linked = { "x-linked-size": bytes.length, "x-linked-etag": `"${sha256(bytes)}"`, "x-xet-hash": sha256(bytes) };
  if (request.headers.accept?.includes("application/vnd.xet-fileinfo+json") === true) {
    const link = `<${hub.url}/xet-read-token>; rel="xet-auth", <${hub.url}/reconstruction>; rel="xet-reconstruction-info"`;
    response.writeHead(200, { "content-type": "application/vnd.xet-fileinfo+json", ...linked, link }).end("{}");
    return;
  }
  response.writeHead(302, { ...linked, location: `${hub.cdnUrl}/objects/${sha256(bytes)}?signature=x` }).end();
}
