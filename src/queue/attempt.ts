/**
 * `output_dir/queue.json`: whose the folder is, and how often a run was tried without getting on. A run that was delivered
 * again is known by it, and goes on; one that kills every server is not tried for ever.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFoldersSync } from "../make-folders.js";
import { storageTrouble } from "../model/index.js";
import { checkOutputFolder } from "../output/index.js";
import { readRunRecord } from "../telemetry/index.js";

export interface Attempt {
  /** Id of the submission. */
  readonly submission: string;
  /** The newest committed step when it began. */
  readonly step: number;
  /** Attempts in a row that began at this step, this one included. */
  readonly attempts: number;
}

/** Attempts in a row that committed no step. */
export const attemptsAllowed = 5;

/** Pure. @param before what is there of the same submission */
export function nextAttempt(before: Attempt | undefined, submission: string, step: number): Attempt {
  return { submission, step, attempts: before !== undefined && step <= before.step ? before.attempts + 1 : 1 };
}

export interface OpenedAttempt extends Attempt {
  /** The folder holds an earlier attempt: it goes on. */
  readonly resume: boolean;
}

/**
 * Takes note of an attempt.
 * @throws CoxswainError "config" where the folder holds another run, "storage"
 */
export function openAttempt(outputDir: string, submission: string): OpenedAttempt {
  const path = join(outputDir, "queue.json");
  const found = readAttempt(path);
  const before = found?.submission === submission ? found : undefined;
  // Refuses a folder that holds something else.
  checkOutputFolder(outputDir, { resume: before !== undefined });
  const attempt = nextAttempt(before, submission, readRunRecord(outputDir).step);
  try {
    // Made before anything is checked: a run that ends every server is to be known by it.
    makeFoldersSync(outputDir);
    writeFileSync(`${path}.new`, `${JSON.stringify(attempt)}\n`);
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw storageTrouble(error, path);
  }
  return { ...attempt, resume: before !== undefined };
}

/** What is none of ours counts as absent; it is not written over. */
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
