/**
 * SHA-256 of files, cached by file identity (`file-identity.ts`), so that a second start need not read gigabytes again.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolders } from "../make-folders.js";
import { storageTrouble } from "./trouble.js";
import { temporaryName } from "./durable.js";
import { fileIdentity } from "./file-identity.js";

/** A file that changed this recently may change again within the same time stamp: its hash is not cached. */
const racyMilliseconds = 2_000;

export interface FileHashOptions {
  /** Coxswain's cache. Default: nothing is cached. */
  readonly cacheDir?: string;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
  /** Receives the number of bytes read. */
  readonly onRead?: (bytes: number) => void;
  /** The code of the error for a file that cannot be read. Default: "model". */
  readonly code?: "model" | "data";
}

/**
 * SHA-256 of a file's content, hex.
 * @throws CoxswainError if the file cannot be read
 */
export async function fileHash(path: string, options: FileHashOptions): Promise<string> {
  const { cacheDir, now = Date.now } = options;
  try {
    if (cacheDir === undefined) return await hashContent(path, options.onRead);
    const identity = await fileIdentity(path);
    const remembered = join(cacheDir, "hashes", createHash("sha256").update(identity).digest("hex"));
    const known = await readFile(remembered, "utf8").catch(() => "");
    if (/^[0-9a-f]{64}$/.test(known)) return known;
    const hash = await hashContent(path, options.onRead);
    const { mtimeMs, ctimeMs } = await stat(path);
    const settled = now() - Math.max(mtimeMs, ctimeMs) > racyMilliseconds && (await fileIdentity(path)) === identity;
    if (settled) await remember(remembered, hash);
    return hash;
  } catch (error) {
    throw storageTrouble(error, path, options.code ?? "model");
  }
}

/** SHA-256 of a file's content, hex, without the cache. */
export async function hashContent(path: string, onRead?: (bytes: number) => void): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(piece);
    onRead?.(piece.length);
  }
  return hash.digest("hex");
}

/** Optional: an unwritable cache (read-only, full) is not an error. */
async function remember(path: string, hash: string): Promise<void> {
  const folder = join(path, "..");
  const aside = join(folder, temporaryName("hash"));
  try {
    await makeFolders(folder);
    await writeFile(aside, hash);
    await rename(aside, path);
  } catch {
    await rm(aside, { force: true }).catch(() => undefined);
  }
}
