/**
 * The folders that a server's runs may read and write. Whoever may submit a run must not thereby read or write anything
 * else that the server's user can: a path counts where its links lead to.
 */
import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";

export type RootKind = "data" | "model" | "output";

/** Absolute, without links. */
export type Roots = Readonly<Record<RootKind, readonly string[]>>;

export const rootFlags: Readonly<Record<RootKind, string>> = {
  data: "--data-root",
  model: "--model-root",
  output: "--output-root",
};

/** @throws CoxswainError "usage" for a root that is no folder; the output roots are created */
export function openRoots(given: Roots): Roots {
  const open = (kind: RootKind): readonly string[] =>
    given[kind].map((path) => {
      try {
        if (kind === "output") makeFoldersSync(path);
        const real = realpathSync(path);
        if (lstatSync(real).isDirectory()) return real;
      } catch {
        // Told below.
      }
      throw new CoxswainError("usage", `${rootFlags[kind]} ${path}: is not a folder that can be used`, {
        hint: "Give an existing folder.",
      });
    });
  return { data: open("data"), model: open("model"), output: open("output") };
}

/** Where a path leads, also if it does not exist yet; undefined if that cannot be said. */
export function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT" || dirname(path) === path || isThere(path)) return undefined;
    const parent = realOf(dirname(path));
    return parent === undefined ? undefined : join(parent, basename(path));
  }
}

/** A link whose target does not exist is there, and leads nowhere that is known. */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

const isWithin = (path: string, roots: readonly string[]): boolean =>
  roots.some((root) => path === root || path.startsWith(root.endsWith(sep) ? root : root + sep));

/** Folders of data have at most so many entries that are looked at, and so many levels. */
const mostEntries = 100_000;
const deepest = 16;

/**
 * Whether a path, and every link in the folder that it is, leads to within the roots. (Who can change the folders
 * meanwhile can change what is read: they are for people who may read all of the root.)
 */
export function leadsInside(path: string, roots: readonly string[]): boolean {
  const real = realOf(path);
  if (real === undefined || !isWithin(real, roots)) return false;
  let entries = 0;
  const isInside = (folder: string, depth: number): boolean =>
    entriesOf(folder).every((entry) => {
      if (++entries > mostEntries || depth > deepest) return false;
      const inner = join(folder, entry.name);
      if (entry.isDirectory()) return isInside(inner, depth + 1);
      if (!entry.isSymbolicLink()) return true;
      const target = realOf(inner);
      return target !== undefined && isWithin(target, roots);
    });
  return isInside(real, 0);
}

/** None of a file, or of what does not exist. */
function entriesOf(folder: string): readonly { name: string; isDirectory(): boolean; isSymbolicLink(): boolean }[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCodeOf(error) ?? "")) return [];
    throw error;
  }
}
