/**
 * Coxswain's cache, for data that can be created again: models from the hub or a coordinator, file hashes, links.
 * Everything in it may be deleted while nothing runs.
 */
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve, sep } from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { storageTrouble } from "./trouble.js";

/** The environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

const own = "COXSWAIN_CACHE";

/**
 * Default of `cacheDir` options: `COXSWAIN_CACHE`, otherwise `$XDG_CACHE_HOME/coxswain`, otherwise `~/.cache/coxswain`.
 * @throws CoxswainError "storage" if it cannot be determined
 */
export function defaultCacheFolder(environment: Environment = process.env): string {
  const folder = cacheFolderIfAny(environment);
  if (folder !== undefined) return folder;
  throw new CoxswainError("storage", "no cache folder: this user has no home folder", {
    hint: `Set ${own} to a writable folder.`,
  });
}

/** As `defaultCacheFolder`, for optional uses: undefined if it cannot be determined. */
export function cacheFolderIfAny(environment: Environment = process.env): string | undefined {
  const named = environment[own];
  if (named !== undefined && named !== "") return resolve(named);
  const caches = cachesFolder(environment);
  return caches === undefined ? undefined : join(caches, "coxswain");
}

/** `XDG_CACHE_HOME` if it is absolute, otherwise `~/.cache`. */
export function cachesFolder(environment: Environment): string | undefined {
  const xdg = environment["XDG_CACHE_HOME"];
  if (xdg !== undefined && isAbsolute(xdg)) return xdg;
  const home = homeFolder();
  return home === undefined ? undefined : join(home, ".cache");
}

/** Undefined if the system has none: for a numeric user in a container, or an empty HOME. */
export function homeFolder(): string | undefined {
  try {
    const home = homedir();
    return home === "" ? undefined : resolve(home);
  } catch {
    return undefined;
  }
}

/**
 * Creates a folder in the cache and checks that it is writable. Errors while `fill` writes there name the cache and the
 * variable that changes it.
 * @throws CoxswainError "storage", and what `fill` throws
 */
export async function inCache<T>(cacheDir: string, folder: string, fill: () => Promise<T>): Promise<T> {
  try {
    await makeFolders(folder);
    await access(folder, constants.W_OK);
    return await fill();
  } catch (error) {
    throw cacheTrouble(error, cacheDir);
  }
}

/** Error codes of a read-only place: a run that finds everything it needs there, or needs nothing, can continue. */
const readOnly: ReadonlySet<string | undefined> = new Set(["EROFS", "EACCES", "EPERM"]);

/**
 * A `COXSWAIN_CACHE` that cannot be a folder is always an error. One that is not writable, as in an image without a
 * volume, is an error only if something must be written.
 * @throws CoxswainError "storage"
 */
export async function checkNamedCache(environment: Environment = process.env): Promise<void> {
  const named = environment[own];
  if (named === undefined || named === "") return;
  const cacheDir = resolve(named);
  await makeFolders(cacheDir).catch((error: unknown) => {
    if (!readOnly.has(systemCodeOf(error))) throw cacheTrouble(error, cacheDir);
  });
}

function cacheTrouble(error: unknown, cacheDir: string): Error {
  if (!(error instanceof CoxswainError) && !isWithin(cacheDir, error)) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
  const trouble = storageTrouble(error, pathOf(error) ?? cacheDir);
  if (!(trouble instanceof CoxswainError) || trouble.code !== "storage" || trouble.message.startsWith("the cache ")) {
    return trouble;
  }
  const code = systemCodeOf(trouble.cause);
  const place = cacheDir === namedCache() ? `${cacheDir} (${own})` : cacheDir;
  // ENOENT when creating a folder: the file system does not allow folders there.
  const why =
    code === "ENOENT"
      ? "no folder can be created there"
      : trouble.message.replace(`${cacheDir}: `, "").replace(join(cacheDir, sep), "");
  const room = code === "ENOSPC" || code === "EDQUOT" ? "Free some space there, or set" : "Set";
  return new CoxswainError("storage", `the cache ${place} cannot be used: ${why}`, {
    hint: `${room} ${own} to a writable folder.`,
    cause: trouble.cause,
  });
}

const namedCache = (): string | undefined => {
  const named = process.env[own];
  return named === undefined || named === "" ? undefined : resolve(named);
};

/** Whether a system's error concerns a path in the cache, or one of its parents. */
function isWithin(cacheDir: string, error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  return ["path", "dest"].some((key) => {
    const path: unknown = Reflect.get(error, key);
    return typeof path === "string" && (isInside(cacheDir, path) || isInside(path, cacheDir));
  });
}

const isInside = (folder: string, path: string): boolean => path === folder || path.startsWith(join(folder, sep));

function pathOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("path" in error)) return undefined;
  return typeof error.path === "string" ? error.path : undefined;
}
