/**
 * Files of data sets in the cache of the Hugging Face libraries, so that Python finds them, too: content by hash in
 * `blobs/`, links to it in `snapshots/COMMIT/`. The hub's list of a commit's files, which that cache does not have, is
 * kept in Coxswain's own.
 */
import { copyFile, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { z } from "zod";
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

const listSchema = z.array(
  z.object({
    name: z.string(),
    bytes: z.int().min(0),
    check: z.object({ algorithm: z.enum(["sha256", "git-sha1"]), hash: z.string() }).optional(),
  }),
);

/** Where the list of a commit's files is kept. */
export const listPath = (cacheDir: string, id: string, commit: string): string =>
  join(cacheDir, "datasets", "hub", id.replaceAll("/", "--"), `${commit}.json`);

/** @returns undefined if it is not there or damaged: it is fetched again */
export async function readList(path: string): Promise<HubFile[] | undefined> {
  try {
    return listSchema.parse(JSON.parse(await readFile(path, "utf8"))).map((file) => ({ ...file, check: file.check }));
  } catch {
    return undefined;
  }
}

export async function writeList(path: string, files: readonly HubFile[]): Promise<void> {
  await makeFolders(dirname(path));
  const aside = join(dirname(path), temporaryName("list"));
  await writeFile(aside, JSON.stringify(files));
  await rename(aside, path);
}

/** The files that a snapshot has, for a commit of which there is no list. */
export async function filesInSnapshot(snapshot: string): Promise<HubFile[]> {
  const entries = await readdir(snapshot, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(snapshot, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .map((name) => ({ name, bytes: unknownSize, check: undefined }));
}
