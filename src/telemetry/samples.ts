/**
 * The output folder's `samples.jsonl`: answers to `training.sample_prompts`, a line for each prompt and evaluation. It exists
 * only if there are any.
 */
import { join } from "node:path";
import type { CoxswainError } from "../errors.js";
import { JsonLinesFile, keepLines, readObjects } from "./json-lines.js";
import { PatientLines } from "./patient-lines.js";

/** A line of `samples.jsonl`. */
export interface Sample {
  /** After which step. */
  readonly step: number;
  /** As in the run file: text, or a list of messages. */
  readonly prompt: string | readonly object[];
  readonly completion: string;
}

const nameOf = (outputDir: string): string => join(outputDir, "samples.jsonl");

type Line = Readonly<Record<string, unknown>>;

/**
 * The lines, in order; invalid ones are skipped.
 * @throws CoxswainError "storage"
 */
export const readSamples = (outputDir: string): Sample[] => readObjects(nameOf(outputDir)).filter(isSample);

const isSample = (line: Line): line is Line & Sample =>
  typeof line["step"] === "number" &&
  (typeof line["prompt"] === "string" || Array.isArray(line["prompt"])) &&
  typeof line["completion"] === "string";

export class SamplesFile {
  readonly path: string;
  readonly #onFull: (error: CoxswainError) => void;
  #lines: PatientLines | undefined;

  /** @param onFull called when the disk is full, and lines wait for space */
  constructor(outputDir: string, onFull: (error: CoxswainError) => void) {
    this.path = nameOf(outputDir);
    this.#onFull = onFull;
  }

  /** Adds the samples of one step; those of this step and later ones, from before a restart, are dropped. */
  append(samples: readonly Sample[]): void {
    const [first] = samples;
    if (first === undefined) return;
    this.rewind(first.step - 1);
    this.#lines ??= new PatientLines(new JsonLinesFile(this.path), this.#onFull);
    for (const sample of samples) this.#lines.append(sample);
  }

  /** Drops the samples of steps after `last`. */
  rewind(last: number): void {
    const isKept = ({ step }: { readonly step?: unknown }): boolean => typeof step === "number" && step <= last;
    const waiting = this.#lines?.waiting.filter(isKept) ?? [];
    this.close();
    keepLines(this.path, isKept);
    if (waiting.length > 0) this.#lines = new PatientLines(new JsonLinesFile(this.path), this.#onFull, waiting);
  }

  flush(): void {
    this.#lines?.catchUp();
    this.#lines?.flush();
  }

  /** Retries writing the waiting lines. @returns how many still wait */
  unwritten(): number {
    this.#lines?.catchUp();
    return this.#lines?.waiting.length ?? 0;
  }

  close(): void {
    this.#lines?.close();
    this.#lines = undefined;
  }
}
