/**
 * Files of data sets in the cache of the Hugging Face libraries, so that Python finds them, too: content by hash in
 * `blobs/`, links to it in `snapshots/COMMIT/`.
 */
import { copyFile, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { systemCodeOf } from "../../errors.js";
import { makeFolders } from "../../make-folders.js";
import { temporaryName } from "../../storage/index.js";
import type { HubFile } from "../listing.js";

/** The path of a file of a commit, whether it exists or not. */
export const snapshotPath = (repository: string, commit: string, name: string): string =>
  join(repository, "snapshots", commit, ...name.split("/"));

/** Whether the file is there with the size that the hub announces. */
export async function isCached(repository: string, commit: string, { name, bytes }: HubFile): Promise<boolean> {
  const found = await stat(snapshotPath(repository, commit, name)).catch(() => undefined);
  return found?.isFile() === true && (bytes === unknownSize || found.size === bytes);
}

/** The size of a file that the cache has, but no list of the hub. */
export const unknownSize = -1;

/**
 * Puts a file into the snapshot.
 * @param fetch downloads the content to a path, with incomplete files in the given folder
 */
export async function addToSnapshot(
  repository: string,
  commit: string,
  file: HubFile,
  fetch: (to: string, folder: string) => Promise<void>,
): Promise<string> {
  const path = snapshotPath(repository, commit, file.name);
  const blobs = join(repository, "blobs");
  for (const folder of [blobs, dirname(path)]) await makeFolders(folder);
  if (file.check === undefined) {
    await fetch(path, blobs);
    return path;
  }
  const blob = join(blobs, file.check.hash);
  const there = await stat(blob).catch(() => undefined);
  if (there?.size !== file.bytes) await fetch(blob, blobs);
  await link(blob, path);
  return path;
}

/** A relative link, as Python's; a copy where the system has no links. */
async function link(blob: string, path: string): Promise<void> {
  const aside = join(dirname(path), temporaryName("link"));
  try {
    await symlink(relative(dirname(path), blob), aside);
  } catch (error) {
    if (!["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"].includes(systemCodeOf(error) ?? "")) throw error;
    await copyFile(blob, aside);
  }
  await rename(aside, path).catch(async (error: unknown) => {
    await rm(aside, { force: true });
    throw error;
  });
}

/** The files that a snapshot has, for a commit of which there is no list. */
export async function filesInSnapshot(snapshot: string): Promise<HubFile[]> {
  const entries = await readdir(snapshot, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(snapshot, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .map((name) => ({ name, bytes: unknownSize, check: undefined }));
}
