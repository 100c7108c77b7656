/** The hub's answers to writers: new repositories and branches, uploads, commits. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { json, receive, sha256, type FakeHub, type Repository } from "./hub.js";

interface CommitLine {
  readonly key: "header" | "file" | "lfsFile";
  readonly value: { path: string; content: string; oid: string; size: number; summary: string; description?: string };
}

/** @returns whether it was a request of this kind */
export function answerPublishing(
  hub: FakeHub,
  path: string,
  token: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (request.method !== "POST") return false;
  if (token === undefined || !hub.writers.has(token)) {
    const isRead = token !== undefined;
    json(response, isRead ? 403 : 401, {
      error: isRead
        ? "You don't have the rights to create a model under the namespace. Your token has the role read."
        : "Invalid username or password.",
    });
    return true;
  }
  receive(request, (body) => answerWriter(hub, path, body, response));
  return true;
}

function answerWriter(hub: FakeHub, path: string, body: Buffer, response: ServerResponse): void {
  if (path === "/api/repos/create") {
    const { name, organization, visibility } = JSON.parse(body.toString()) as Record<string, string>;
    const id = `${organization ?? ""}/${name ?? ""}`;
    const url = `${hub.url}/${id}`;
    if (hub.find("model", id) !== undefined) {
      json(response, 409, { error: "You already created this model repo", url });
      return;
    }
    const repository = hub.add("model", id, { ".gitattributes": "*.safetensors filter=lfs" });
    repository.access = visibility === "private" ? "private" : "open";
    json(response, 200, { url, name: id, id });
    return;
  }
  const [, id = "", call, revision = ""] =
    /^\/api\/models\/([^/]+\/[^/]+)\/(preupload|commit|branch)\/(.+)$/.exec(path) ??
    /^\/([^/]+\/[^/]+)\.git\/info\/(lfs)\/objects\/batch$/.exec(path) ??
    [];
  const repository = hub.find("model", id);
  if (repository === undefined) {
    json(response, 404, { error: "Repository not found" });
  } else if (call === "preupload") {
    const { files } = JSON.parse(body.toString()) as { files: { path: string; size: number }[] };
    json(response, 200, {
      files: files.map(({ path: file, size }) => ({
        path: file,
        uploadMode: size > 1000 && !/\.(md|json|jinja)$/.test(file) ? "lfs" : "regular",
      })),
    });
  } else if (call === "lfs") {
    const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
    json(response, 200, {
      transfer: "basic",
      objects: objects.map((object) =>
        hub.objects.has(object.oid)
          ? object
          : { ...object, actions: { upload: { href: `${hub.cdnUrl}/upload/${object.oid}` } } },
      ),
    });
  } else if (call === "branch") {
    const main = repository.branches.get("main") ?? "";
    if (repository.branches.has(revision)) json(response, 409, { error: "Reference already exists" });
    else {
      repository.branches.set(revision, main);
      json(response, 200, {});
    }
  } else {
    commitLines(hub, repository, revision, body, response);
  }
}

/** All lines of a commit, or none. */
function commitLines(
  hub: FakeHub,
  repository: Repository,
  branch: string,
  body: Buffer,
  response: ServerResponse,
): void {
  const before = repository.branches.get(branch);
  if (before === undefined) {
    json(response, 404, { error: `Invalid rev id: ${branch}` });
    return;
  }
  const files = Object.fromEntries(repository.commits.get(before) ?? []);
  for (const { key, value } of body
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as CommitLine)) {
    if (key === "file") files[value.path] = Buffer.from(value.content, "base64");
    if (key !== "lfsFile") continue;
    const bytes = hub.objects.get(value.oid);
    if (bytes?.length !== value.size || sha256(bytes) !== value.oid) {
      json(response, 400, { error: `the object of ${value.path} was not uploaded` });
      return;
    }
    files[value.path] = bytes;
  }
  const commit = hub.commit(repository, branch, files);
  json(response, 200, {
    success: true,
    commitOid: commit,
    commitUrl: `${hub.url}/${repository.id}/commit/${commit}`,
    hookOutput: "",
  });
}
