/** Models by content in the cache: found there, or received file by file from another machine and checked. */
import { createHash } from "node:crypto";
import { open, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CoxswainError } from "../errors.js";
import {
  createFolder,
  defaultCacheFolder,
  inCache,
  isFilledFolder,
  removeLeftovers,
  setAside,
} from "../storage/index.js";
import { checkManifest, modelManifest, type ManifestOptions, type ModelFile, type ModelManifest } from "./manifest.js";

/** The path of a model with this content hash in the cache, whether it exists or not. */
export function modelCacheFolder(hash: string, cacheDir: string = defaultCacheFolder()): string {
  if (!/^[0-9a-f]{64}$/.test(hash))
    throw new CoxswainError(
      "network",
      `the offered model was rejected: ${JSON.stringify(hash)} is not a content hash`,
      {
        hint: "Coordinator and worker must have the same version; check the coordinator's address.",
      },
    );
  return join(cacheDir, "models", "by-content", hash);
}

/**
 * The cached model with this content hash, checked by content; undefined if there is none, or a damaged one.
 */
export async function cachedModel(hash: string, options: ManifestOptions = {}): Promise<string | undefined> {
  const folder = modelCacheFolder(hash, options.cacheDir);
  try {
    return (await modelManifest(folder, options)).hash === hash ? folder : undefined;
  } catch (error) {
    if (error instanceof CoxswainError) return undefined;
    throw error;
  }
}

/**
 * Receives a model into the cache: written to a temporary folder, verified by sizes and hashes, then renamed. Processes
 * may receive the same model concurrently; the first one's copy is kept.
 * @param openFile the content of one of the manifest's files; called once per file, in order
 * @returns the folder, `modelCacheFolder(manifest.hash)`
 * @throws CoxswainError "network" for an invalid manifest or content that does not match it; "storage" for a full disk
 *   or a similar error. Nothing is left behind.
 */
export async function receiveModel(
  manifest: ModelManifest,
  openFile: (name: string) => AsyncIterable<Uint8Array>,
  options: ManifestOptions = {},
): Promise<string> {
  checkManifest(manifest);
  const folder = modelCacheFolder(manifest.hash, options.cacheDir);
  const parent = dirname(folder);
  return inCache(options.cacheDir ?? defaultCacheFolder(), parent, async () => {
    await removeLeftovers(parent, options.now === undefined ? {} : { now: options.now });
    // Checked first: a copy that another process creates meanwhile must not be considered damaged.
    const isThere = await isFilledFolder(folder);
    const cached = await cachedModel(manifest.hash, options);
    if (cached !== undefined) return cached;
    if (isThere) await setAside(folder);
    await checkSpace(parent, manifest, options.freeSpace ?? freeSpace);
    return createFolder(folder, async (aside) => {
      for (const file of manifest.files) await receiveFile(join(aside, file.name), file, openFile(file.name));
    });
  });
}

/** Bytes that stay free on the disk of the cache: others write there, too. */
const reserve = 256 * 1024 * 1024;

const freeSpace = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/** @throws CoxswainError "storage" before the first byte of a model that does not fit */
async function checkSpace(
  folder: string,
  { files }: ModelManifest,
  free: (folder: string) => Promise<number>,
): Promise<void> {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const room = (await free(folder)) - reserve;
  if (bytes <= room) return;
  throw new CoxswainError(
    "storage",
    `the coordinator offers a model of ${bytes} bytes, and the disk of ${folder} has room for ${Math.max(0, room)}`,
    { hint: "Free some space, set COXSWAIN_CACHE to a folder on another disk, or give the model with --model." },
  );
}

async function receiveFile(path: string, file: ModelFile, content: AsyncIterable<Uint8Array>): Promise<void> {
  const hash = createHash("sha256");
  let received = 0;
  const handle = await open(path, "wx");
  try {
    for await (const piece of content) {
      received += piece.length;
      if (received > file.bytes) break;
      hash.update(piece);
      for (let done = 0; done < piece.length;) done += (await handle.write(piece, done)).bytesWritten;
    }
  } finally {
    await handle.close();
  }
  if (received !== file.bytes) {
    throw damaged(file, `expected ${file.bytes} bytes, received ${received > file.bytes ? "more" : received}`);
  }
  if (hash.digest("hex") !== file.sha256) throw damaged(file, "its content does not have the announced SHA-256");
}

function damaged({ name }: ModelFile, what: string): CoxswainError {
  return new CoxswainError("network", `the model's file ${name} arrived damaged: ${what}`, {
    hint: "Restart the worker; if it recurs, give it a copy of the model with --model.",
  });
}
