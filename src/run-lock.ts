/**
 * Ensures one coordinator per output folder: `output_dir/.lock` names the process that holds it, and its address. A
 * holder on this host is looked up by process id, so a killed one does not block the folder. A holder on another host
 * (a shared file system) touches the file periodically, and is considered dead if it has not done so for `staleAfter`;
 * the hosts' clocks must agree to well within that. A container counts as a separate host, by its host name. Does not
 * know runs.
 */
import { closeSync, futimesSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "./errors.js";
import { makeFoldersSync } from "./make-folders.js";
import { readOwnFile } from "./own-files.js";
import { atProcessExit } from "./process-exit.js";
import { isRunning, startOf } from "./processes.js";
import { fileTrouble } from "./system-errors.js";

/** How often a holder touches its file, ms. */
const refreshEvery = 20_000;
/** Time without a touch after which a holder on another host is considered dead, ms. */
const staleAfter = 120_000;

/** Far more than the file has, bytes. */
const largest = 64 * 1024;

/** The content of the file. */
export interface LockHolder {
  readonly host: string;
  readonly pid: number;
  /** When the process started, in the kernel's clock ticks since boot; null without /proc. */
  readonly started: string | null;
  /** HOST:PORT that it listens on; null before it listens. */
  readonly address: string | null;
}

/** A holder as a lock file names it. */
export interface NamedHolder extends LockHolder {
  /** The user who owns the file. */
  readonly owner: number;
}

/** A held output folder. */
export interface RunLock {
  /** Records the holder's address. */
  announce(address: string): void;
  /** Removes the file. Idempotent. */
  release(): void;
}

/**
 * Holds an output folder, creating it if necessary, until `release` or the end of the process.
 * @throws CoxswainError "config" if another coordinator holds it, "storage" if the file cannot be written
 */
export function lockOutputFolder(outputDir: string): RunLock {
  const path = join(outputDir, ".lock");
  const holder: LockHolder = { host: hostname(), pid: process.pid, started: startOf(process.pid), address: null };
  try {
    makeFoldersSync(outputDir);
    removeAbandoned(path, outputDir);
    return keep(path, create(path, holder), holder);
  } catch (error) {
    // Another coordinator created it first.
    if (systemCodeOf(error) === "EEXIST") throw held(path, outputDir, readLock(path)?.holder);
    if (error instanceof CoxswainError) throw error;
    const trouble = fileTrouble(systemCodeOf(error));
    throw new CoxswainError("storage", `${path}: cannot be written: ${trouble?.words ?? messageOf(error)}`, {
      hint: trouble?.hint ?? "Check the folder's permissions, or choose another output_dir.",
      cause: error,
    });
  }
}

/**
 * The current holder of an output folder, as far as can be determined; undefined if there is none. Whoever may write to
 * the folder can name any: see `doubtAbout`.
 * @throws CoxswainError "storage" if the lock is a link, a pipe or a device
 */
export function findHolder(outputDir: string): NamedHolder | undefined {
  const found = readLock(join(outputDir, ".lock"));
  if (found?.holder === undefined || !isAlive(found)) return undefined;
  return { ...found.holder, owner: found.owner };
}

/** Whether a text is the content of a lock file. */
export const isLockText = (text: string): boolean => parseHolder(text) !== undefined;

const textOf = (holder: LockHolder): string => `${JSON.stringify(holder)}\n`;

function create(path: string, holder: LockHolder): number {
  const file = openSync(path, "wx");
  writeSync(file, textOf(holder));
  return file;
}

function keep(path: string, file: number, holder: LockHolder): RunLock {
  let text = textOf(holder);
  // By descriptor: if another host has taken the folder, its file is not touched.
  const refresh = setInterval(() => attempt(() => futimesSync(file, new Date(), new Date())), refreshEvery).unref();
  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    clearInterval(refresh);
    cancel();
    attempt(() => {
      closeSync(file);
      if (readLock(path)?.text === text) rmSync(path, { force: true });
    });
  };
  const cancel = atProcessExit(release);
  const announce = (address: string): void => {
    text = textOf({ ...holder, address });
    // By descriptor, and over a shorter text: concurrent readers see the old one, the new one, or an unrecognised one.
    attempt(() => writeSync(file, text, 0));
  };
  return { announce, release };
}

/** Ignores I/O errors: they must not end a run, and a leftover or stale file blocks nobody. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
  }
}

/** @throws CoxswainError "config" if the holder is alive */
function removeAbandoned(path: string, outputDir: string): void {
  const found = readLock(path);
  if (found === undefined) return;
  if (isAlive(found)) throw held(path, outputDir, found.holder);
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    // If another coordinator has replaced the file since it was read, restore it.
    if (readLock(aside)?.text !== found.text) linkSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}

interface FoundLock {
  readonly text: string;
  /** Undefined if the text is not recognised. */
  readonly holder: LockHolder | undefined;
  /** Time since it was touched, ms. */
  readonly age: number;
  readonly owner: number;
}

function readLock(path: string): FoundLock | undefined {
  try {
    const { text, stats } = readOwnFile(path, largest);
    return { text, holder: parseHolder(text), age: Date.now() - stats.mtimeMs, owner: stats.uid };
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const { host, pid, started, address } = JSON.parse(text) as Partial<Record<keyof LockHolder, unknown>>;
    if (typeof host !== "string" || typeof pid !== "number") return undefined;
    const word = (value: unknown): string | null => (typeof value === "string" ? value : null);
    return { host, pid, started: word(started), address: word(address) };
  } catch {
    return undefined;
  }
}

function isAlive({ holder, age }: FoundLock): boolean {
  const fresh = age < staleAfter;
  if (holder?.host !== hostname()) return fresh;
  if (!isRunning(holder.pid)) return false;
  const started = startOf(holder.pid);
  // The process id may have been reused.
  return started === null || holder.started === null ? fresh : started === holder.started;
}

function held(path: string, outputDir: string, holder: LockHolder | undefined): CoxswainError {
  const here = holder?.host === hostname();
  const who = holder === undefined ? "another process" : `process ${holder.pid}${here ? "" : ` on ${holder.host}`}`;
  const wait = `If it no longer runs, wait ${staleAfter / 60_000} minutes, or remove ${path}.`;
  return new CoxswainError("config", `output_dir: ${outputDir} is in use by another coordinator, ${who}`, {
    hint: `Wait for it or stop it${here ? ` (kill ${holder.pid})` : ""}, or choose another output_dir.${here ? "" : ` ${wait}`}`,
  });
}
