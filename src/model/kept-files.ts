/** Carries the user's own files over when a folder is replaced. */
import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { copyFile, link, mkdir, readdir, readlink, stat, symlink } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { systemCodeOf } from "../errors.js";

export interface FileBelow {
  /** Within the folder: "notes/a.txt". */
  readonly name: string;
  readonly kind: "file" | "link";
}

/** Every file and link below a folder; none if there is no folder. Pipes and other special files are skipped. */
export async function filesBelow(folder: string, prefix = ""): Promise<FileBelow[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch((error: unknown) => {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  });
  const found = await Promise.all(
    entries.map(async (entry): Promise<FileBelow[]> => {
      const name = join(prefix, entry.name);
      if (entry.isDirectory()) return filesBelow(folder, name);
      if (entry.isSymbolicLink()) return [{ name, kind: "link" }];
      return entry.isFile() ? [{ name, kind: "file" }] : [];
    }),
  );
  return found.flat();
}

/** Copies files from `from` whose names do not exist in `to`. `from` is unchanged. */
export async function keepOtherFiles(from: string, to: string): Promise<void> {
  const ours = (await filesBelow(to)).map(({ name }) => name);
  for (const { name, kind } of await filesBelow(from)) {
    if (ours.some((own) => own === name || isBelow(name, own) || isBelow(own, name))) continue;
    const target = join(to, name);
    await mkdir(dirname(target), { recursive: true });
    if (kind === "link") await symlink(await readlink(join(from, name)), target);
    else await linkOrCopy(join(from, name), target);
  }
}

/** A file and a folder cannot have the same name. */
const isBelow = (name: string, folder: string): boolean => name.startsWith(folder + sep);

/** A hard link takes no space; not every file system supports it. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

/** Whether two files have the same bytes. */
export async function sameContent(one: string, other: string): Promise<boolean> {
  const [{ size }, { size: otherSize }] = await Promise.all([stat(one), stat(other)]);
  return size === otherSize && (await sha256Of(one)) === (await sha256Of(other));
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
