/**
 * Lists a model's files on the hub, and downloads single files: resumed after a broken connection, verified by hash.
 */
import { createHash } from "node:crypto";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { CoxswainError } from "../errors.js";
import type { Proxy } from "../proxy/index.js";
import { storageTrouble } from "./files.js";

/** How to reach a hub. */
export interface HubAccess {
  /** "https://…", without a trailing slash. */
  readonly url: string;
  readonly token: string | undefined;
  readonly fetch: typeof fetch;
  /** The proxy in use, for messages. */
  readonly proxy: Proxy | undefined;
  /** Waits before another attempt, ms. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

/** A file of a repository, as the hub lists it. */
export interface HubFile {
  readonly name: string;
  readonly bytes: number;
  /** Checksum of its content: SHA-256 of large files, git's object id (SHA-1) of small ones. */
  readonly check: { readonly algorithm: "sha256" | "git-sha1"; readonly hash: string } | undefined;
}

const attempts = 5;

/** The commit of a revision and the files at the top of the repository. */
export async function listHubFiles(
  id: string,
  revision: string,
  access: HubAccess,
): Promise<{ commit: string; files: HubFile[] }> {
  const { listFiles, modelInfo } = await import("@huggingface/hub");
  const common = { hubUrl: access.url, fetch: access.fetch, ...credentials(access) };
  const { sha: commit } = await modelInfo({ ...common, name: id, revision, additionalFields: ["sha"] });
  if (!/^[0-9a-f]{40}$/.test(commit)) {
    throw new CoxswainError("network", `${new URL(access.url).host} returned no commit for ${id}`, {
      hint: "Check HF_ENDPOINT: it must be a Hugging Face hub or a mirror.",
    });
  }
  const files: HubFile[] = [];
  for await (const entry of listFiles({ ...common, repo: id, revision: commit })) {
    if (entry.type !== "file") continue;
    const { path: name, size: bytes, lfs, oid } = entry;
    const small = oid === undefined ? undefined : ({ algorithm: "git-sha1", hash: oid } as const);
    files.push({ name, bytes, check: lfs === undefined ? small : { algorithm: "sha256", hash: lfs.oid } });
  }
  return { commit, files };
}

const credentials = ({ token }: HubAccess): { accessToken?: string } =>
  token === undefined ? {} : { accessToken: token };

export interface DownloadOptions {
  readonly id: string;
  readonly commit: string;
  readonly file: HubFile;
  /** Written here first; on the same file system as `to`. */
  readonly aside: string;
  readonly to: string;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Downloads a file to `aside`, checks size and hash, and renames it to `to`. Resumes after a broken connection.
 * @throws the library's error when it breaks five times without progress; CoxswainError "network" for damaged content,
 *   "storage" for a full disk and the like
 */
export async function downloadHubFile(options: DownloadOptions, access: HubAccess): Promise<void> {
  const { file, aside, to } = options;
  let handle: FileHandle | undefined;
  try {
    handle = await open(aside, "wx");
    await fetchWhole(handle, options, access);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(aside, to);
  } catch (error) {
    await handle?.close();
    await rm(aside, { force: true });
    throw storageTrouble(error, file.name);
  }
}

async function fetchWhole(handle: FileHandle, options: DownloadOptions, access: HubAccess): Promise<void> {
  const { id, commit, file, onBytes } = options;
  const { downloadFile } = await import("@huggingface/hub");
  const hash = createHash(file.check?.algorithm === "git-sha1" ? "sha1" : "sha256");
  if (file.check?.algorithm === "git-sha1") hash.update(`blob ${file.bytes}\0`);
  let received = 0;
  let failures = 0;
  while (received < file.bytes) {
    const before = received;
    try {
      // Plain HTTP ranges can be resumed anywhere and work with every mirror.
      const blob = await downloadFile({
        repo: id,
        path: file.name,
        revision: commit,
        hubUrl: access.url,
        fetch: access.fetch,
        xet: false,
        ...credentials(access),
      });
      if (blob === null) throw new CoxswainError("model", `${id} no longer has the file ${file.name}`);
      for await (const piece of blob.slice(received).stream() as AsyncIterable<Uint8Array>) {
        if (received + piece.length > file.bytes) throw damaged(id, file, access, "it is longer than announced");
        for (let done = 0; done < piece.length;) {
          done += (await handle.write(piece, done, piece.length - done, received + done)).bytesWritten;
        }
        hash.update(piece);
        received += piece.length;
        onBytes(piece.length);
      }
      if (received < file.bytes) throw new TypeError("the connection ended early");
    } catch (error) {
      if (!isTransient(error)) throw error;
      failures = received > before ? 1 : failures + 1;
      if (failures === attempts) throw error;
      await access.wait(500 * 2 ** failures);
    }
  }
  if (file.check !== undefined && hash.digest("hex") !== file.check.hash) {
    throw damaged(id, file, access, "its content does not have the announced hash");
  }
}

/** Whether a retry may help: a connection that broke or was refused, or an overloaded server. */
function isTransient(error: unknown): boolean {
  if (typeof error === "object" && error !== null && "statusCode" in error && typeof error.statusCode === "number") {
    return error.statusCode === 408 || error.statusCode === 429 || error.statusCode >= 500;
  }
  return isConnectionTrouble(error);
}

/** Whether `fetch` or a response body failed. (The library's streams pass only the error's message.) */
export function isConnectionTrouble(error: unknown): boolean {
  if (typeof error === "string") return true;
  if (!(error instanceof TypeError)) return false;
  return /^(fetch failed|terminated|the connection ended early)$/.test(error.message) || error.cause !== undefined;
}

function damaged(id: string, file: HubFile, access: HubAccess, what: string): CoxswainError {
  return new CoxswainError(
    "network",
    `${file.name} of ${id} arrived damaged from ${new URL(access.url).host}: ${what}`,
    {
      hint: "Start again; if it recurs, fetch the model by hand and give its folder.",
    },
  );
}
