/**
 * `results.jsonl`: one line per trial and rung, written when the trial has arrived there and is on disk. Every decision
 * follows from these lines, so a sweep that was killed continues from them. A line that was cut off is written again:
 * its trial arrives at once, since it is on disk.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
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

  /**
   * @param trials their number
   * @param isKept whether a line still holds: others are dropped
   * @throws CoxswainError "storage", or "config" for a file that is not such a journal
   */
  constructor(outputDir: string, trials: number, isKept: (entry: Entry) => boolean) {
    this.#path = journalPath(outputDir);
    try {
      const found = readEntries(this.#path, trials);
      this.#entries = found.filter(isKept);
      if (this.#entries.length < found.length) replaceFile(this.#path, this.#entries.map(lineOf).join(""));
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
    try {
      writeSync(this.#file, lineOf(entry));
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

function lineOf({ trial, rung, outcome, value, step, totalSteps, reason }: Entry): string {
  return `${JSON.stringify({ trial, rung, outcome, value, step, total_steps: totalSteps, reason })}\n`;
}

function replaceFile(path: string, text: string): void {
  const aside = `${path}.${process.pid}.incoming`;
  writeFileSync(aside, text, { flush: true });
  renameSync(aside, path);
}

/** Removes a last line that was cut off. */
function readEntries(path: string, trials: number): readonly Entry[] {
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
    .map((line, index) => parseEntry(line, `${path}:${index + 1}`, trials));
}

const arrivals: readonly string[] = ["reached", "diverged", "failed", "stopped"] satisfies readonly Arrival[];

function parseEntry(line: string, place: string, trials: number): Entry {
  const fields = parsed(line);
  const { trial, rung, outcome, value, step, total_steps: totalSteps, reason } = fields;
  const isEntry =
    isCount(trial) &&
    trial < trials &&
    isCount(rung) &&
    typeof outcome === "string" &&
    arrivals.includes(outcome) &&
    (value === null || Number.isFinite(value)) &&
    isCount(step) &&
    isCount(totalSteps) &&
    (reason === null || typeof reason === "string");
  if (isEntry)
    return { trial, rung, outcome: outcome as Arrival, value: value as number | null, step, totalSteps, reason };
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
