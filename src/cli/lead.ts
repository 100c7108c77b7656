/** What `train` and `coordinator` share: run what the file says, then say how it ended and what to do next. */
import { fileURLToPath } from "node:url";
import { loadRun } from "../config/index.js";
import type { Override, RunConfig } from "../config/index.js";
import type { FinishedRun } from "../coordinator/index.js";
import { CoxswainError } from "../errors.js";
import { conductRun, interrupted } from "./conduct-run.js";
import { programName, resumeCommand, shortPath, useCommands } from "./next-steps.js";

export interface LeadOptions {
  /** Path of the run file, as the user gave it. */
  readonly file: string;
  readonly sets: readonly Override[];
  readonly resume: boolean;
  readonly insecure: boolean;
  readonly localWorkers: boolean;
  /** As of `ConductOptions`. */
  readonly stay: boolean;
  readonly command: "train" | "coordinator";
}

export async function lead(options: LeadOptions): Promise<void> {
  const { config } = await loadRun(options.file, options.sets);
  report(await conductRun(config, options), config, options);
}

function report({ outcome, adapter, step }: FinishedRun, config: RunConfig, options: LeadOptions): void {
  const out = (text: string): void => void process.stdout.write(`${text}\n`);
  const workingFolder = process.cwd();
  const packageFolder = fileURLToPath(new URL("../..", import.meta.url));
  const program = programName({ packageFolder, script: process.argv[1] ?? "coxswain", workingFolder });
  switch (outcome.kind) {
    case "completed": {
      const folder = adapter ?? config.output_dir;
      out(`done: ${step} steps; the adapter is in ${shortPath(folder, workingFolder)}`);
      out(`next: ${useCommands(program, config.model, folder, workingFolder).join("\n      ")}`);
      return;
    }
    case "stopped":
      out(
        `${stopped(outcome.reason)} after step ${step}, which is saved; ` +
          `go on with: ${resumeCommand(program, options, workingFolder)}`,
      );
      process.exitCode = 130;
      return;
    case "failed":
      throw outcome.error instanceof CoxswainError ? outcome.error : new CoxswainError("bug", String(outcome.error));
  }
}

/** "stopped", or "stopped by ann@laptop" where it was not Ctrl-C. */
const stopped = (reason: string): string => (reason === interrupted ? "stopped" : reason);
