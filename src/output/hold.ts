/**
 * The output folder of a run from before its start to its end: looked at first, made last, held by one coordinator. A start
 * that fails leaves what it found.
 */
import { accessSync, constants, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { lockOutputFolder } from "../run-lock.js";
import type { RunLock } from "../run-lock.js";
import { fileTrouble } from "../system-errors.js";
import { refuseOldRun } from "../telemetry/index.js";
import { claimProblem } from "./claim.js";
import { lookInto } from "./contents.js";

export interface HeldFolder {
  /**
   * Makes the folder where it is not there, and holds it from now on.
   * @throws CoxswainError as `holdOutputFolder`
   */
  make(): void;
  /** Writes down where the holder listens. */
  announce(address: string): void;
  /** Lets go of it. After a start that failed: removes the folder, where it was made for that. */
  release(options?: { readonly failed: boolean }): void;
}

export interface HoldOptions {
  /** Goes on with the run that is there. */
  readonly resume: boolean;
}

/**
 * Checks whether a run may use a folder, and holds it where it is there.
 * @throws CoxswainError "config" for a folder with files that Coxswain did not write, with a run where none is resumed, or
 *   that another coordinator holds; "storage" where it cannot be written to
 */
export function holdOutputFolder(outputDir: string, { resume }: HoldOptions): HeldFolder {
  let made: readonly string[] = [];
  let lock: RunLock | undefined;
  const take = (): void => {
    lock = lockOutputFolder(outputDir);
    if (!resume) refuseOldRun(outputDir);
  };
  const release = ({ failed }: { readonly failed: boolean } = { failed: false }): void => {
    lock?.release();
    if (failed) removeFolders(made);
    made = [];
  };
  try {
    if (claimFolder(outputDir)) take();
    else refuseUnwritable(outputDir);
  } catch (error) {
    release();
    throw error;
  }
  return {
    make: () => {
      if (lock !== undefined) return;
      made = missingFolders(outputDir);
      // Somebody else may have used it since.
      claimFolder(outputDir);
      take();
    },
    announce: (address) => lock?.announce(address),
    release,
  };
}

/**
 * Whether a run may use a folder, for who does not hold it.
 * @throws CoxswainError as `holdOutputFolder`
 */
export function checkOutputFolder(outputDir: string, { resume }: HoldOptions): void {
  if (claimFolder(outputDir) && !resume) refuseOldRun(outputDir);
}

/** @returns whether the folder is there @throws CoxswainError "config" where it is somebody else's */
function claimFolder(outputDir: string): boolean {
  const contents = lookInto(outputDir);
  const problem = claimProblem(outputDir, contents);
  if (problem !== undefined) throw problem;
  return contents.kind === "folder";
}

/** The folder and those above it that are not there, the innermost first. */
function missingFolders(folder: string): readonly string[] {
  const missing: string[] = [];
  for (let at = resolve(folder); statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at))
    missing.push(at);
  return missing;
}

function removeFolders([folder, ...above]: readonly string[]): void {
  if (folder === undefined) return;
  try {
    rmSync(folder, { recursive: true, force: true });
    for (const each of above) rmdirSync(each);
  } catch (error) {
    // Another run's folder may be beside it by now.
    if (systemCodeOf(error) === undefined) throw error;
  }
}

/**
 * A folder that is made only where it is needed: whether it can be.
 * @throws CoxswainError "config" or "storage"
 */
export function checkRescueFolder(folder: string): void {
  refuseUnwritable(folder, "--rescue");
}

/** Found out before anything is read that takes long. */
function refuseUnwritable(folder: string, key = "output_dir"): void {
  try {
    const outermost = missingFolders(folder).at(-1);
    const parent = outermost === undefined ? folder : dirname(outermost);
    if (!statSync(parent).isDirectory()) throw new Error(`${parent} is not a folder`);
    accessSync(parent, constants.W_OK);
  } catch (error) {
    const code = systemCodeOf(error);
    throw new CoxswainError(
      code === undefined || code === "ENOTDIR" ? "config" : "storage",
      `${key}: ${folder} cannot be written to: ${fileTrouble(code)?.words ?? messageOf(error)}`,
      { hint: `Choose another folder (${key}), or check the permissions.`, cause: error },
    );
  }
}
