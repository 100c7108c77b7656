/**
 * Folders that are complete or absent: written to a temporary folder, flushed to disk, then renamed. A process killed
 * at any point leaves at most a folder with a temporary name, which the next writer of the same target removes.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { isRunning } from "../processes.js";
import { storageTrouble } from "./trouble.js";

/** Temporary names: `.<target>.<host>.<process id>.<random>.incoming`. */
const incoming = /^\.(.+)\.([^.]+)\.(\d+)\.[0-9a-f]{8}\.incoming$/;

const hostLabel = (): string => hostname().replaceAll(/[^A-Za-z0-9-]/g, "-") || "host";

/**
 * Creates the folder `target` with `fill(aside)`, atomically. If `target` already exists and is not empty, it is
 * unchanged and `fill` is not called; if another process creates it meanwhile, that folder is kept.
 * @returns `target`
 * @throws CoxswainError "storage" for a full disk or a similar error; what `fill` throws. Nothing is left behind.
 */
export async function createFolder(target: string, fill: (aside: string) => Promise<void>): Promise<string> {
  if (await isFilledFolder(target)) return target;
  const parent = dirname(target);
  try {
    const created = await makeFolders(parent);
    if (created !== undefined) await flushFolder(dirname(created));
  } catch (error) {
    throw storageTrouble(error, parent);
  }
  const aside = join(parent, temporaryName(basename(target)));
  try {
    await mkdir(aside);
    await fill(aside);
    await flushTree(aside);
    await putInPlace(aside, target);
    await flushFolder(parent);
  } catch (error) {
    await rm(aside, { recursive: true, force: true }).catch(() => undefined);
    throw withTargetName(storageTrouble(error, target), aside, target);
  }
  return target;
}

/**
 * As `createFolder`, but replaces an existing folder. If the process is killed at the wrong moment, the old folder is
 * gone and the new one is not yet in place: use it only for data that can be created again.
 * @throws CoxswainError "storage"; the old folder is then unchanged
 */
export async function replaceFolder(target: string, fill: (aside: string) => Promise<void>): Promise<string> {
  if (!(await isFilledFolder(target))) return createFolder(target, fill);
  const parent = dirname(target);
  const next = join(parent, temporaryName(basename(target)));
  try {
    await createFolder(next, fill);
  } catch (error) {
    throw error instanceof Error ? withTargetName(error, next, target) : error;
  }
  const old = join(parent, temporaryName(basename(target)));
  try {
    await rename(target, old);
    await rename(next, target);
    await flushFolder(parent);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rename(old, target).catch(() => undefined);
    await rm(next, { recursive: true, force: true });
    throw storageTrouble(error, target);
  }
  return target;
}

/** Removes a damaged folder: moves it away first, so that no other process sees a partial one. */
export async function setAside(folder: string): Promise<void> {
  try {
    const old = join(dirname(folder), temporaryName("damaged"));
    await rename(folder, old);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw storageTrouble(error, folder);
  }
}

/** A message that names the target, not the temporary folder. */
function withTargetName(error: Error, aside: string, target: string): Error {
  if (!(error instanceof CoxswainError) || !error.message.includes(aside)) return error;
  const { code, hint, cause } = error;
  return new CoxswainError(code, error.message.replaceAll(aside, target), {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}

/** A temporary name next to `name`, recognised by `removeLeftovers` once this process is gone. */
export function temporaryName(name: string): string {
  return `.${name}.${hostLabel()}.${process.pid}.${randomBytes(4).toString("hex")}.incoming`;
}

/** Another machine's unfinished folder (on a shared disk) is considered abandoned after a day without changes. */
const staleMilliseconds = 24 * 3600 * 1000;

export interface RemoveLeftoversOptions {
  /** Remove everything with a temporary name: the caller is the only writer in the folder, and is not writing now. */
  readonly all?: boolean;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/**
 * Removes remains of killed writers in `parent`: temporary folders and files of processes of this machine that no
 * longer run, and other machines' when a day old.
 * @returns the names removed
 */
export async function removeLeftovers(parent: string, options: RemoveLeftoversOptions = {}): Promise<string[]> {
  const { all = false, now = Date.now } = options;
  const removed: string[] = [];
  for (const name of await readdir(parent).catch(() => [])) {
    const [, , host, pid] = incoming.exec(name) ?? [];
    if (pid === undefined) continue;
    const path = join(parent, name);
    const isLeft = async (): Promise<boolean> =>
      host === hostLabel() ? !isRunning(Number(pid)) : now() - (await newestChange(path)) > staleMilliseconds;
    if (!all && !(await isLeft())) continue;
    await rm(path, { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

/**
 * Takes over what an earlier writer of `name` left in `parent`, under the name `to`. Of several processes that try, one
 * gets it.
 * @returns whether there was anything
 */
export async function takeOver(parent: string, name: string, to: string): Promise<boolean> {
  for (const found of await readdir(parent).catch(() => [])) {
    const [, target, host, pid] = incoming.exec(found) ?? [];
    if (target !== name || (host === hostLabel() && isRunning(Number(pid)))) continue;
    const path = join(parent, found);
    if (host !== hostLabel() && Date.now() - (await newestChange(path)) <= staleMilliseconds) continue;
    const taken = await rename(path, to).then(
      () => true,
      () => false,
    );
    if (taken) return true;
  }
  return false;
}

/** The newest modification time of a path and its direct entries, in milliseconds since 1970. */
async function newestChange(path: string): Promise<number> {
  const names = await readdir(path).catch(() => []);
  const times = await Promise.all(
    [path, ...names.map((name) => join(path, name))].map(async (each) => (await stat(each)).mtimeMs),
  ).catch(() => [Infinity]);
  return Math.max(...times);
}

/** Whether a folder exists and is not empty. */
export async function isFilledFolder(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length > 0;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return false;
    throw storageTrouble(error, path);
  }
}

async function putInPlace(aside: string, target: string): Promise<void> {
  try {
    await rename(aside, target);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "EPERM") throw error;
    if (await isFilledFolder(target)) {
      await rm(aside, { recursive: true, force: true });
      return;
    }
    // Windows does not rename over an empty folder.
    await rmdir(target);
    await rename(aside, target);
  }
}

/** Flushes every file of a folder, then the folder, so that a subsequent rename never exposes partial contents. */
export async function flushTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await flushTree(path);
    else if (entry.isFile()) await flushFile(path);
  }
  await flushFolder(folder);
}

async function flushFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Flushes a folder's list of names. Does nothing on Windows, which cannot open folders. */
export async function flushFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  await flushFile(path);
}
