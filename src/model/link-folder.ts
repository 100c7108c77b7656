/**
 * ONNX Runtime maps weights straight from their files and refuses symbolic links, but Hugging Face's cache is made of
 * them. A folder whose weight files are links is therefore mirrored once in Coxswain's cache: hard links where the file
 * system allows (no space used), otherwise copies (which share their blocks on file systems that can).
 */
import { createHash } from "node:crypto";
import { constants, copyFile, link, lstat, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemCodeOf } from "../errors.js";
import {
  createFolder,
  defaultCacheFolder,
  inCache,
  isFilledFolder,
  setAside,
  storageTrouble,
} from "../storage/index.js";

/** The identity of a file in a mirror. Without ctime, which a hard link changes. */
async function placeOf(path: string): Promise<string> {
  const real = await realpath(path);
  const { dev, ino, size, mtimeNs } = await stat(real, { bigint: true });
  return JSON.stringify([real, String(dev), String(ino), String(size), String(mtimeNs)]);
}

/**
 * `folder` itself if none of `weightFiles` is a symbolic link, otherwise its mirror in `cacheDir/links/`, which has
 * every file of the folder. The mirror's name depends on the paths, sizes and times of all files, so a changed file
 * gives a new one; a mirror whose copies are older than any change is created again.
 * @param given Coxswain's cache. Default: `defaultCacheFolder()`
 */
export async function withoutSymlinks(folder: string, weightFiles: readonly string[], given?: string): Promise<string> {
  try {
    const stats = await Promise.all(weightFiles.map((name) => lstat(join(folder, name))));
    if (!stats.some((entry) => entry.isSymbolicLink())) return folder;
    const cacheDir = given ?? defaultCacheFolder();
    const names = await filesOf(folder);
    const places = await Promise.all(names.map(async (name) => [name, await placeOf(join(folder, name))]));
    const key = createHash("sha256").update(JSON.stringify(places)).digest("hex");
    const links = join(cacheDir, "links");
    return await inCache(cacheDir, links, async () => {
      const mirror = join(await realpath(links), key);
      if (!(await isCurrent(folder, mirror, names))) await setAside(mirror);
      return createFolder(mirror, async (aside) => {
        for (const name of names) await linkOrCopy(await realpath(join(folder, name)), join(aside, name));
      });
    });
  } catch (error) {
    throw storageTrouble(error, folder, "model");
  }
}

/**
 * Whether each file of a mirror is the file itself, or was copied after the file's last change. True if there is none.
 */
async function isCurrent(folder: string, mirror: string, names: readonly string[]): Promise<boolean> {
  if (!(await isFilledFolder(mirror))) return true;
  for (const name of names) {
    const source = await stat(join(folder, name), { bigint: true });
    const copy = await stat(join(mirror, name), { bigint: true }).catch(() => undefined);
    const isSame = copy?.dev === source.dev && copy.ino === source.ino;
    if (copy === undefined || (!isSame && copy.mtimeNs <= source.ctimeNs)) return false;
  }
  return true;
}

/** The names of files (and of links to files) directly in a folder, sorted. */
async function filesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const isFile = entry.isSymbolicLink() ? (await stat(join(folder, entry.name))).isFile() : entry.isFile();
    if (isFile) names.push(entry.name);
  }
  return names.sort();
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Another file system (EXDEV), too many links (EMLINK), or a file system or kernel that forbids it.
    const code = systemCodeOf(error) ?? "";
    if (!["EXDEV", "EMLINK", "EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
