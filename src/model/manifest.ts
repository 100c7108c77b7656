/**
 * Identifies a model by content: its files with sizes and SHA-256, and one hash that is equal if two machines would
 * compute the same. Independent of the model's origin.
 */
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../errors.js";
import { cacheFolderIfAny, fileHash, storageTrouble } from "../storage/index.js";
import type { ModelFolder } from "./folder.js";
import { configFile, indexFile, isPlainFileName, openModelFolder } from "./open-folder.js";

export interface ModelFile {
  /** Name within the folder: no separators. */
  readonly name: string;
  readonly bytes: number;
  /** Of the content, hex. */
  readonly sha256: string;
}

export interface ModelManifest {
  /**
   * SHA-256, hex, over the names and hashes of the files that determine loss and gradients: config.json, weights and
   * their index. Tokenizer and templates are excluded, since rows are sent as tokens.
   */
  readonly hash: string;
  /** Every file that a copy of the model needs, sorted by name. */
  readonly files: readonly ModelFile[];
}

/** Files of a model besides the weights. */
const companionFiles = new Set([
  configFile,
  indexFile,
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "generation_config.json",
  "merges.txt",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer_config.json",
  "vocab.json",
]);

/** Whether a file at the top of a model repository is one that Coxswain uses. */
export const isModelFile = (name: string): boolean => companionFiles.has(name) || /^[^.][^/]*\.safetensors$/.test(name);

export interface ManifestOptions {
  /** Coxswain's cache, where hashes are cached. Default: `defaultCacheFolder()`. */
  readonly cacheDir?: string;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
  /** Bytes that may still be written to the disk of a folder. Default: asks the system. */
  readonly freeSpace?: (folder: string) => Promise<number>;
  /** Receives the hashed and total bytes; not called if all hashes are cached. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * The manifest of a model folder. Reads every file once; later calls only check sizes and times.
 * @param model an opened folder, or the path of one
 * @throws CoxswainError "model" for an incomplete model folder
 */
export async function modelManifest(
  model: ModelFolder | string,
  options: ManifestOptions = {},
): Promise<ModelManifest> {
  const cacheDir = options.cacheDir ?? cacheFolderIfAny();
  const known = cacheDir === undefined ? {} : { cacheDir };
  const folder = typeof model === "string" ? await openModelFolder(model, known) : model;
  const weights = new Set([...folder.tensors.values()].map(({ file }) => file));
  const present = await readdir(folder.path).catch((error: unknown) => {
    throw storageTrouble(error, folder.path, "model");
  });
  const single = weights.has("model.safetensors");
  const names = present.filter(
    (name) => weights.has(name) || (companionFiles.has(name) && !(single && name === indexFile)),
  );
  const sizes = new Map<string, number>();
  for (const name of names.sort()) sizes.set(name, (await stat(join(folder.path, name))).size);
  const total = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  const files: ModelFile[] = [];
  let before = 0;
  for (const [name, bytes] of sizes) {
    let read = 0;
    const sha256 = await fileHash(join(folder.path, name), {
      ...known,
      ...(options.now === undefined ? {} : { now: options.now }),
      onRead: (piece) => options.onProgress?.(before + (read += piece), total),
    });
    before += bytes;
    files.push({ name, bytes, sha256 });
  }
  return { hash: contentHash(files), files };
}

/** The files that determine loss and gradients. */
export const decisiveFiles = (files: readonly ModelFile[]): ModelFile[] =>
  files.filter(({ name }) => name === configFile || name === indexFile || name.endsWith(".safetensors"));

/** The hash of a manifest with these files, in any order. */
export function contentHash(files: readonly ModelFile[]): string {
  const decisive = decisiveFiles(files)
    .map(({ name, bytes, sha256 }) => [name, bytes, sha256] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(decisive)).digest("hex");
}

/**
 * Validates a manifest from another machine: names must stay in their folder, sizes must be plausible, and the hash
 * must match the list of files.
 * @throws CoxswainError "network" naming what is wrong
 */
export function checkManifest({ hash, files }: ModelManifest): void {
  const seen = new Set<string>();
  for (const { name, bytes, sha256 } of files) {
    const shown = JSON.stringify(name);
    if (!isPlainFileName(name)) throw refused(`its file ${shown} is a path outside its folder`);
    if (!isModelFile(name)) throw refused(`its file ${shown} is not a model file`);
    if (seen.has(name)) throw refused(`its file ${shown} is listed twice`);
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw refused(`its file ${shown} has ${bytes} bytes`);
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw refused(`its file ${shown} has no SHA-256`);
    seen.add(name);
  }
  if (!seen.has(configFile)) throw refused(`it lists no ${configFile}`);
  if (contentHash(files) !== hash) throw refused("its hash does not match its files");
}

function refused(what: string): CoxswainError {
  return new CoxswainError("network", `the offered model was rejected: ${what}`, {
    hint: "Coordinator and worker must have the same version; check the coordinator's address.",
  });
}
