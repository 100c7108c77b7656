/**
 * Downloads one file of a repository: verified by hash, and resumed after a broken connection, also by a later process.
 */
import { createHash, type Hash } from "node:crypto";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../errors.js";
import { storageTrouble, takeOver, temporaryName } from "../storage/index.js";
import type { HubAccess } from "./access.js";
import { common, type HubFile, type HubRepository } from "./listing.js";
import { codeOf, isConnectionTrouble, statusOf } from "./trouble.js";

const attempts = 5;

export interface DownloadOptions {
  readonly repository: HubRepository;
  readonly commit: string;
  readonly file: HubFile;
  /** Incomplete files lie here, on the same file system as `to`. */
  readonly folder: string;
  readonly to: string;
  /** Called with the number of bytes that were received, or found from an earlier attempt. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Downloads a file to a temporary name, checks size and hash, and renames it to `to`. What an interrupted download has
 * received is kept, and continued by the next one.
 * @throws the library's error when it breaks five times without progress; CoxswainError "network" for damaged content,
 *   "storage" for a full disk and the like
 */
export async function downloadHubFile(options: DownloadOptions, access: HubAccess): Promise<void> {
  const { file, folder, to } = options;
  const key = file.check?.hash;
  const aside = join(folder, temporaryName(key ?? file.name.replaceAll("/", "-")));
  // Content without a hash may differ from what an earlier attempt has received.
  const kept = key === undefined ? undefined : join(folder, `.${key}.partial`);
  let handle: FileHandle | undefined;
  let isComplete = false;
  try {
    if (kept !== undefined && key !== undefined && !(await isRenamed(kept, aside))) await takeOver(folder, key, aside);
    handle = await open(aside, "a+");
    await fetchVerified(handle, options, access);
    isComplete = true;
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(aside, to);
  } catch (error) {
    await handle?.close();
    const isDamaged = error instanceof CoxswainError;
    if (kept === undefined || isComplete || isDamaged) await rm(aside, { force: true });
    else await isRenamed(aside, kept);
    throw storageTrouble(error, file.name);
  }
}

const isRenamed = (from: string, to: string): Promise<boolean> =>
  rename(from, to).then(
    () => true,
    () => false,
  );

/** What an earlier attempt received is dropped if it turns out to be damaged. */
async function fetchVerified(handle: FileHandle, options: DownloadOptions, access: HubAccess): Promise<void> {
  const { file, repository } = options;
  const hash = newHash(file);
  const before = await hashed(handle, file, hash);
  if (before > 0) {
    let counted = before;
    options.onBytes(before);
    const onBytes = (bytes: number): void => {
      counted += bytes;
      options.onBytes(bytes);
    };
    if (await isFetched(handle, before, hash, { ...options, onBytes }, access)) return;
    options.onBytes(-counted);
  }
  await handle.truncate();
  if (await isFetched(handle, 0, newHash(file), options, access)) return;
  throw new CoxswainError(
    "network",
    `${file.name} of ${repository.id} arrived damaged from ${new URL(access.url).host}: its content does not have the announced length and hash`,
    { hint: "Start again; if it recurs, download it by hand and give its path." },
  );
}

function newHash({ check, bytes }: HubFile): Hash {
  const hash = createHash(check?.algorithm === "git-sha1" ? "sha1" : "sha256");
  return check?.algorithm === "git-sha1" ? hash.update(`blob ${bytes}\0`) : hash;
}

/** Feeds what is there to the hash. @returns the number of bytes; 0 if it is longer than the file, thus another's */
async function hashed(handle: FileHandle, file: HubFile, hash: Hash): Promise<number> {
  const { size } = await handle.stat();
  if (size > file.bytes) return 0;
  if (size > 0) {
    for await (const piece of handle.createReadStream({ start: 0, end: size - 1, autoClose: false })) {
      hash.update(piece as Buffer);
    }
  }
  return size;
}

/** @returns whether the whole content has the announced length and hash */
async function isFetched(
  handle: FileHandle,
  from: number,
  hash: Hash,
  options: DownloadOptions,
  access: HubAccess,
): Promise<boolean> {
  const { file, onBytes } = options;
  let received = from;
  let failures = 0;
  while (received < file.bytes) {
    const before = received;
    try {
      for await (const piece of await openAt(received, options, access)) {
        if (received + piece.length > file.bytes) return false;
        for (let done = 0; done < piece.length;) done += (await handle.write(piece, done)).bytesWritten;
        hash.update(piece);
        received += piece.length;
        onBytes(piece.length);
      }
      if (received < file.bytes) throw new TypeError("the connection ended early");
    } catch (error) {
      if (access.signal?.aborted === true || !isTransient(error)) throw error;
      failures = received > before ? 1 : failures + 1;
      if (failures === attempts) throw error;
      await access.wait(500 * 2 ** failures);
    }
  }
  return file.check === undefined || hash.digest("hex") === file.check.hash;
}

async function openAt(start: number, options: DownloadOptions, access: HubAccess): Promise<AsyncIterable<Uint8Array>> {
  const { repository, commit, file } = options;
  const { downloadFile } = await import("@huggingface/hub");
  const blob = await downloadFile({
    ...common(access),
    repo: { type: repository.kind, name: repository.id },
    // The library puts it into the URL as it is.
    path: file.name.split("/").map(encodeURIComponent).join("/"),
    revision: commit,
    // Plain HTTP ranges can be resumed anywhere and work with every mirror.
    xet: false,
  });
  if (blob === null)
    throw new CoxswainError(codeOf(repository.kind), `${repository.id} no longer has the file ${file.name}`);
  return blob.slice(start).stream() as AsyncIterable<Uint8Array>;
}

/** Whether a retry may help: a connection that broke or was refused, or an overloaded server. */
function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== undefined) return status === 408 || status === 429 || status >= 500;
  return isConnectionTrouble(error);
}
