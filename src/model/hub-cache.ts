/**
 * Models of the Hugging Face hub on this machine: ids, and where their snapshots lie in Coxswain's cache and in the
 * Hugging Face libraries' own. Both have `refs/REVISION` (a file with a commit) and `snapshots/COMMIT/`.
 */
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CoxswainError } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { temporaryName } from "./durable.js";
import { storageTrouble } from "./files.js";
import { requireModelFiles } from "./open-folder.js";

/** A model on the hub. */
export interface HubModel {
  /** "owner/name" */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

/** Parses "owner/name" or "owner/name@revision"; undefined for anything else. */
export function parseHubModel(text: string): HubModel | undefined {
  const part = "[A-Za-z0-9][A-Za-z0-9._-]*";
  const [, id, revision = "main"] =
    new RegExp(`^(${part}/${part})(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?$`).exec(text) ?? [];
  if (id === undefined || revision.split("/").includes("..")) return undefined;
  return { id, revision };
}

/** Where Coxswain keeps a hub model's snapshots. */
export const ownRepository = (cacheDir: string, { id }: HubModel): string =>
  join(cacheDir, "models", "hub", id.replace("/", "--"));

/** Where Hugging Face's libraries keep them. */
export const huggingFaceRepository = (hubCache: string, { id }: HubModel): string =>
  join(hubCache, `models--${id.replace("/", "--")}`);

const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/** The snapshot of a revision in `repository`, if it exists and is complete. */
export async function findSnapshot(repository: string, { revision }: HubModel): Promise<string | undefined> {
  const commit = isCommit(revision)
    ? revision
    : (await readFile(join(repository, "refs", revision), "utf8").catch(() => "")).trim();
  if (!isCommit(commit)) return undefined;
  const snapshot = join(repository, "snapshots", commit);
  if (!(await stat(snapshot).catch(() => undefined))?.isDirectory()) return undefined;
  try {
    await requireModelFiles(snapshot);
    return snapshot;
  } catch (error) {
    // Incomplete: another program fetched only a part, for its own use.
    if (error instanceof CoxswainError) return undefined;
    throw error;
  }
}

/** Records the commit of a branch or tag at the time of the download. */
export async function writeRef(repository: string, { revision }: HubModel, commit: string): Promise<void> {
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
