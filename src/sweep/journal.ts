/**
 * `results.jsonl`: one line per trial and rung, written when the trial has arrived there and is on disk. Every decision
 * follows from these lines, so a sweep that was killed continues from them. A line that was cut off is written again:
 * its trial arrives at once, since it is on disk.
 */
import { closeSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { storageTrouble } from "../storage/index.js";
import type { Arrival, Result } from "./halving.js";

export interface Entry extends Result {
  /** Of the trial, at the rung. */
  readonly step: number;
  readonly totalSteps: number;
  /** Why it did not arrive. */
  readonly reason: string | null;
}

export const journalPath = (outputDir: string): string => join(outputDir, "results.jsonl");

export class Journal {
  readonly #path: string;
  readonly #file: number;
  readonly #entries: Entry[];

  /** @throws CoxswainError "storage", or "config" for a file that is not such a journal */
  constructor(outputDir: string) {
    this.#path = journalPath(outputDir);
    try {
      this.#entries = [...readEntries(this.#path)];
      this.#file = openSync(this.#path, "a");
    } catch (error) {
      throw error instanceof CoxswainError ? error : storageTrouble(error, this.#path);
    }
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** On disk when it returns. @throws CoxswainError "storage" */
  append(entry: Entry): void {
    const { trial, rung, outcome, value, step, totalSteps, reason } = entry;
    const line = { trial, rung, outcome, value, step, total_steps: totalSteps, reason };
    try {
      writeSync(this.#file, `${JSON.stringify(line)}\n`);
      fsyncSync(this.#file);
    } catch (error) {
      throw storageTrouble(error, this.#path);
    }
    this.#entries.push(entry);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Removes a last line that was cut off. */
function readEntries(path: string): readonly Entry[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  }
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
  return whole
    .split("\n")
    .slice(0, -1)
    .map((line, index) => parseEntry(line, `${path}:${index + 1}`));
}

const arrivals: readonly string[] = ["reached", "diverged", "failed", "stopped"] satisfies readonly Arrival[];

function parseEntry(line: string, place: string): Entry {
  const fields = parsed(line);
  const { trial, rung, outcome, value, step, total_steps: totalSteps, reason } = fields;
  const isEntry =
    isCount(trial) &&
    isCount(rung) &&
    typeof outcome === "string" &&
    arrivals.includes(outcome) &&
    (value === null || typeof value === "number") &&
    isCount(step) &&
    isCount(totalSteps) &&
    (reason === null || typeof reason === "string");
  if (isEntry) return { trial, rung, outcome: outcome as Arrival, value, step, totalSteps, reason };
  throw new CoxswainError("config", `${place}: is not the result of a trial`, {
    hint: "The file is written by coxswain sweep alone. Restore it, or start the sweep in another output_dir.",
  });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
