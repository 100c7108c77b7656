/**
 * Maintains `output_dir/queue.json`: which submission owns the folder, and the number of attempts without progress. A run
 * that is delivered again is recognised by it and continues; a run that kills every server is not retried forever.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFoldersSync } from "../make-folders.js";
import { checkOutputFolder } from "../output/index.js";
import type { PackedError } from "../packed-error.js";
import { storageTrouble } from "../storage/index.js";
import { readRunRecord } from "../telemetry/index.js";
import type { Verdict } from "./verdict.js";

export interface Attempt {
  /** ID of the submission. */
  readonly submission: string;
  /** The newest committed step when it began. */
  readonly step: number;
  /** Number of consecutive attempts that began at this step, including this one. */
  readonly attempts: number;
}

/** Pure. @param before the recorded attempt of the same submission */
export function nextAttempt(before: Attempt | undefined, submission: string, step: number): Attempt {
  return { submission, step, attempts: before !== undefined && step <= before.step ? before.attempts + 1 : 1 };
}

export interface OpenedAttempt extends Attempt {
  /** Whether the folder contains an earlier attempt, which continues. */
  readonly resume: boolean;
}

/**
 * Records an attempt.
 * @throws CoxswainError "config" if the folder contains another run, "storage"
 */
export function openAttempt(outputDir: string, submission: string): OpenedAttempt {
  const path = join(outputDir, "queue.json");
  const found = readAttempt(path);
  const before = found?.submission === submission ? found : undefined;
  // Rejects a folder with other contents.
  checkOutputFolder(outputDir, { resume: before !== undefined });
  const attempt = nextAttempt(before, submission, readRunRecord(outputDir).step);
  try {
    // Written before anything else: it must also count a run that kills its server immediately.
    makeFoldersSync(outputDir);
    writeAttempt(path, attempt);
  } catch (error) {
    throw storageTrouble(error, path);
  }
  return { ...attempt, resume: before !== undefined };
}

/**
 * Adds to `queue.json` why the run was rejected or returned, in full: who may read the folder may read what it is about.
 * Only if the folder is that of the submission; the outcome is reported whether or not this works.
 */
export function recordVerdict(outputDir: string, submission: string, verdict: Verdict): void {
  if (verdict.kind !== "rejected" && verdict.kind !== "returned") return;
  const path = join(outputDir, "queue.json");
  const attempt = readAttempt(path);
  if (attempt?.submission !== submission || verdict.error === undefined) return;
  try {
    writeAttempt(path, { ...attempt, error: verdict.error });
  } catch {
    // The disk is full, or the folder is gone.
  }
}

function writeAttempt(path: string, attempt: Attempt & { readonly error?: PackedError }): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(attempt)}\n`);
  renameSync(`${path}.new`, path);
}

/** An unrecognised file counts as absent; it is not overwritten. */
function readAttempt(path: string): Attempt | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const { submission, step, attempts } = JSON.parse(readFileSync(path, "utf8")) as Partial<
      Record<keyof Attempt, unknown>
    >;
    if (typeof submission !== "string" || typeof step !== "number" || typeof attempts !== "number") return undefined;
    return { submission, step, attempts };
  } catch {
    return undefined;
  }
}
