/**
 * Names of the Hugging Face hub, and the layout of its libraries' cache, which this machine's programs share:
 * `KIND--OWNER--NAME/` with `refs/REVISION` (a file with a commit), `blobs/HASH` and `snapshots/COMMIT/`.
 */
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { makeFolders } from "../make-folders.js";
import { cachesFolder, storageTrouble, temporaryName } from "../storage/index.js";
import type { Environment } from "../storage/index.js";

export type RepositoryKind = "model" | "dataset";

/** A model or data set on the hub. */
export interface HubName {
  /** "owner/name" */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

/** Parses "owner/name" or "owner/name@revision"; undefined for anything else. */
export function parseHubName(text: string): HubName | undefined {
  const part = "[A-Za-z0-9][A-Za-z0-9._-]*";
  const [, id, revision = "main"] =
    new RegExp(`^(${part}/${part})(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?$`).exec(text) ?? [];
  if (id === undefined || revision.split("/").includes("..")) return undefined;
  return { id, revision };
}

/** `HF_HOME`, otherwise `huggingface` in the caches' folder. Undefined if it cannot be determined. */
export function huggingFaceHome(environment: Environment = process.env): string | undefined {
  const home = environment["HF_HOME"];
  if (home !== undefined && home !== "") return resolve(home);
  const caches = cachesFolder(environment);
  return caches === undefined ? undefined : join(caches, "huggingface");
}

/** The Hugging Face libraries' cache: `HF_HUB_CACHE`, or `hub` in their home. Undefined if it cannot be determined. */
export function huggingFaceCacheFolder(environment: Environment = process.env): string | undefined {
  const exact = environment["HF_HUB_CACHE"] ?? environment["HUGGINGFACE_HUB_CACHE"];
  if (exact !== undefined && exact !== "") return resolve(exact);
  const home = huggingFaceHome(environment);
  return home === undefined ? undefined : join(home, "hub");
}

/** Where Hugging Face's libraries keep a repository. */
export const huggingFaceRepository = (hubCache: string, kind: RepositoryKind, id: string): string =>
  join(hubCache, `${kind}s--${id.replaceAll("/", "--")}`);

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/** The commit of a revision as it was when it was last fetched; undefined if it never was. */
export async function cachedCommit(repository: string, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const commit = (await readFile(join(repository, "refs", revision), "utf8").catch(() => "")).trim();
  return isCommit(commit) ? commit : undefined;
}

/** The folder of a commit's files, if it exists. */
export async function snapshotFolder(repository: string, commit: string): Promise<string | undefined> {
  const snapshot = join(repository, "snapshots", commit);
  return (await stat(snapshot).catch(() => undefined))?.isDirectory() === true ? snapshot : undefined;
}

/** Records the commit of a branch or tag at the time of the download. */
export async function writeRef(repository: string, revision: string, commit: string): Promise<void> {
  if (revision === commit) return;
  const path = join(repository, "refs", revision);
  try {
    await makeFolders(dirname(path));
    const aside = join(dirname(path), temporaryName("ref"));
    await writeFile(aside, commit);
    await rename(aside, path);
  } catch (error) {
    throw storageTrouble(error, path);
  }
}
