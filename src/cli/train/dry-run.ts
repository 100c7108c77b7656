/** `coxswain train --dry-run`: prints what a run would do. Trains nothing, starts no worker, writes no output folder. */
import { loadRun, type Override } from "../../config/index.js";
import { rehearseRun } from "../../coordinator/index.js";
import { coloursFor } from "../terminal/colour.js";
import { quietProgress, warn } from "../terminal/quiet-progress.js";
import { dryRunJson } from "./dry-run-json.js";
import { dryRunText } from "./dry-run-report.js";
import { dryRunWarnings } from "./dry-run-warnings.js";
import { withInitFrom } from "./init-from.js";

export interface DryRunOptions {
  /** Path of the run file, as the user gave it. */
  readonly file: string;
  readonly sets: readonly Override[];
  readonly resume: boolean;
  readonly insecure: boolean;
  /** The run, adapter or checkpoint that it starts from, as the user gave it. */
  readonly initFrom?: string | undefined;
  readonly json: boolean;
}

/** @param output the stream for the report (default: stdout); notes are written to stderr */
export async function dryRun(
  { file, sets, resume, insecure, initFrom, json }: DryRunOptions,
  output: NodeJS.WritableStream & { readonly isTTY?: boolean } = process.stdout,
): Promise<void> {
  const { config } = await loadRun(file, await withInitFrom(sets, initFrom));
  const progress = quietProgress();
  const notes: string[] = [];
  try {
    const rehearsal = await rehearseRun(config, {
      resume,
      insecure,
      note: (text) => notes.push(text),
      progress: (text) => progress.show(text),
      now: () => new Date(),
    });
    progress.close();
    const warnings = dryRunWarnings(rehearsal);
    if (json) {
      output.write(`${JSON.stringify(dryRunJson(rehearsal, warnings, notes), null, 2)}\n`);
      return;
    }
    notes.forEach(warn);
    output.write(dryRunText(rehearsal, warnings, { colours: coloursFor(output), workingFolder: process.cwd() }));
  } finally {
    progress.close();
  }
}
