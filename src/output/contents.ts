/**
 * Inspects the names that a run writes to in an output folder, and whether a run wrote them. Reads the beginnings of
 * files; changes nothing.
 */
import { closeSync, lstatSync, readdirSync, readSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { join } from "node:path";
import { isResolvedFile, resolvedFile } from "../config/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { isOwnedByUs, openOwnFile } from "../own-files.js";
import { isLockText } from "../run-lock.js";

/** "empty": left by a run that was killed early; can be overwritten without loss. */
export type EntryState = "empty" | "ours" | "foreign";

export interface FolderEntry {
  readonly name: string;
  /** Of the entry itself: links are not followed, except the user's own link to a folder for checkpoints. */
  readonly kind: "file" | "folder" | "other";
  readonly expected: "file" | "folder";
  /** Judged by content only. */
  readonly state: EntryState;
}

export interface FolderContents {
  readonly kind: "absent" | "folder" | "other";
  /** Some content can only come from a Coxswain run. */
  readonly marked: boolean;
  /** An existing entry with a name that a run writes to. */
  readonly entries: readonly FolderEntry[];
}

/** @throws CoxswainError "storage" if it cannot be read */
export function lookInto(outputDir: string): FolderContents {
  const found = statOf(outputDir);
  if (found === undefined) return { kind: "absent", marked: false, entries: [] };
  // A link to a folder counts as the folder.
  if (!isFolder(outputDir)) return { kind: "other", marked: false, entries: [] };
  const entries = Object.entries(names).flatMap(([name, { expected, isOurs }]): FolderEntry[] => {
    const path = join(outputDir, name);
    const stats = statOf(path);
    if (stats === undefined) return [];
    const kind = name === "checkpoints" && isUsersLink(path, stats) ? "folder" : kindOf(stats);
    return [{ name, kind, expected, state: kind === expected ? stateOf(path, kind, stats, isOurs) : "foreign" }];
  });
  const states = new Map(entries.map(({ name, state }) => [name, state]));
  const marked =
    [resolvedFile, "events.jsonl", "checkpoints"].some((name) => states.get(name) === "ours") ||
    // Earlier releases wrote it after events.jsonl. Alone it may be a copy used as a run file.
    (states.get("events.jsonl") === "empty" && isResolvedFile(join(outputDir, "run.yaml")));
  return { kind: "folder", marked, entries };
}

interface Name {
  readonly expected: "file" | "folder";
  /** Whether a run wrote the non-empty entry. */
  readonly isOurs: (path: string) => boolean;
}

const file = (isOurs: (firstLine: string) => boolean): Name => ({
  expected: "file",
  isOurs: (path) => isOurs(firstLineOf(path)),
});

/** Every name in an output folder that a run or a queue server writes to. */
const names: Readonly<Record<string, Name>> = {
  [resolvedFile]: { expected: "file", isOurs: isResolvedFile },
  "metrics.jsonl": file(isMetricsLine),
  "events.jsonl": file((line) => hasKeys(line, ["time", "event"])),
  "samples.jsonl": file((line) => hasKeys(line, ["step", "prompt", "completion"])),
  ".committing": file(isMetricsLine),
  ".lock": file(isLockText),
  "queue.json": file((line) => hasKeys(line, ["submission", "step", "attempts"])),
  // An adapter does not record who trained it.
  adapter: { expected: "folder", isOurs: () => false },
  checkpoints: { expected: "folder", isOurs: (path) => readdirSync(path).some((name) => isCheckpoint(path, name)) },
  logs: { expected: "folder", isOurs: (path) => readdirSync(path).every((name) => isLog(path, name)) },
  tensorboard: {
    expected: "folder",
    isOurs: (path) => readdirSync(path).every((name) => name.startsWith("events.out.tfevents.")),
  },
};

function isMetricsLine(line: string): boolean {
  return hasKeys(line, ["step", "eval_loss"]) || hasKeys(line, ["step", "loss", "supervised_tokens", "step_seconds"]);
}

const isCheckpoint = (folder: string, name: string): boolean =>
  /^step-\d{6,}$/.test(name) &&
  beginningOf(join(folder, name, "trainer_state.json"), 100_000)?.includes('"state_hash"') === true;

function isLog(folder: string, name: string): boolean {
  // What the command of telemetry.exec prints.
  if (name === "exec.log") return true;
  if (!/^(?:coordinator|worker-\d+)\.log(?:\.1)?$/.test(name)) return false;
  const path = join(folder, name);
  return statOf(path)?.size === 0 || hasKeys(firstLineOf(path), ["level", "time", "name"]);
}

function hasKeys(line: string, keys: readonly string[]): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && keys.every((key) => key in value);
  } catch {
    return false;
  }
}

/**
 * Checkpoints may be on another disk, by a link. It counts if this user made both the link and the folder, which holds
 * nothing else: neither another user nor the author of an archive decides where this user's process writes.
 */
function isUsersLink(path: string, stats: Stats): boolean {
  if (!stats.isSymbolicLink() || !isOwnedByUs(stats.uid)) return false;
  const target = statSync(path, { throwIfNoEntry: false });
  if (target?.isDirectory() !== true || !isOwnedByUs(target.uid)) return false;
  return readdirSync(path).every((entry) => /^step-\d{6,}$/.test(entry) || /^\.step-.*\.incoming$/.test(entry));
}

function stateOf(path: string, kind: FolderEntry["kind"], stats: Stats, isOurs: Name["isOurs"]): EntryState {
  try {
    const empty = kind === "folder" ? readdirSync(path).length === 0 : stats.size === 0;
    return empty ? "empty" : isOurs(path) ? "ours" : "foreign";
  } catch (error) {
    throw unreadable(path, error);
  }
}

const kindOf = (stats: Stats): FolderEntry["kind"] =>
  stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "other";

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (systemCodeOf(error) === "ENOTDIR") return undefined;
    throw unreadable(path, error);
  }
}

function isFolder(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "ENOTDIR" || code === "ENOENT") return false;
    throw unreadable(path, error);
  }
}

/** Coxswain's lines are shorter than this. */
const firstLineOf = (path: string): string => (beginningOf(path, 8192) ?? "").split("\n", 1).join("");

/** The first bytes of a file; undefined if there is none. */
function beginningOf(path: string, bytes: number): string | undefined {
  let descriptor: number;
  try {
    descriptor = openOwnFile(path, "read");
  } catch (error) {
    // A link, a pipe or a device: not Coxswain's.
    if (error instanceof CoxswainError) return undefined;
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(systemCodeOf(error) ?? "")) return undefined;
    throw error;
  }
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.toString("utf8", 0, readSync(descriptor, buffer));
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(path: string, error: unknown): CoxswainError {
  return new CoxswainError("storage", `${path}: cannot be read: ${messageOf(error)}`, {
    hint: "Check the permissions, or choose another output_dir.",
    cause: error,
  });
}
