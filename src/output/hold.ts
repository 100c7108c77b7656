/**
 * The output folder of a run from before its start to its end: checked first, created last, held by one coordinator. A
 * failed start leaves it unchanged.
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
   * Creates the folder if necessary, and holds it from now on.
   * @throws CoxswainError as `holdOutputFolder`
   */
  make(): void;
  /** Records the holder's address. */
  announce(address: string): void;
  /** Releases it. After a failed start: removes the folder if it was created for it. */
  release(options?: { readonly failed: boolean }): void;
}

export interface HoldOptions {
  /** Resumes the existing run. */
  readonly resume: boolean;
}

/**
 * Checks whether a run may use a folder, and holds it if it exists.
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
      // Another process may have used it since.
      claimFolder(outputDir);
      take();
    },
    announce: (address) => lock?.announce(address),
    release,
  };
}

/**
 * Checks whether a run may use a folder, without holding it.
 * @throws CoxswainError as `holdOutputFolder`
 */
export function checkOutputFolder(outputDir: string, { resume }: HoldOptions): void {
  if (claimFolder(outputDir) && !resume) refuseOldRun(outputDir);
}

/** @returns whether the folder exists @throws CoxswainError "config" if it contains other files */
function claimFolder(outputDir: string): boolean {
  const contents = lookInto(outputDir);
  const problem = claimProblem(outputDir, contents);
  if (problem !== undefined) throw problem;
  return contents.kind === "folder";
}

/** The missing folders on the path, innermost first. */
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
    // Another run's folder may be next to it by now.
    if (systemCodeOf(error) === undefined) throw error;
  }
}

/**
 * Checks that a folder that is created later can be created.
 * @throws CoxswainError "config" or "storage"
 */
export function checkRescueFolder(folder: string): void {
  refuseUnwritable(folder, "--rescue");
}

/** Checked before anything slow is read. */
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
