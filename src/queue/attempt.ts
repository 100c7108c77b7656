/**
 * Maintains `output_dir/queue.json`: which submission owns the folder, and the number of attempts without progress. A run
 * that is delivered again is recognised by it and continues; a run that kills every server is not retried forever.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFoldersSync } from "../make-folders.js";
import { checkOutputFolder } from "../output/index.js";
import { storageTrouble } from "../storage/index.js";
import { readRunRecord } from "../telemetry/index.js";

export interface Attempt {
  /** ID of the submission. */
  readonly submission: string;
  /** The newest committed step when it began. */
  readonly step: number;
  /** Number of consecutive attempts that began at this step, including this one. */
  readonly attempts: number;
}

/** Maximum number of consecutive attempts without a committed step. */
export const attemptsAllowed = 5;

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
    writeFileSync(`${path}.new`, `${JSON.stringify(attempt)}\n`);
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw storageTrouble(error, path);
  }
  return { ...attempt, resume: before !== undefined };
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
