/** What `train` and `coordinator` share: run what the file says, then say how it ended and what to do next. */
import { loadRun } from "../config/index.js";
import type { Override, RunConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { systemTrouble } from "../system-errors.js";
import { conductRun, interrupted } from "./conduct-run.js";
import type { ConductedRun } from "./conduct-run.js";
import { resumeCommand, shortPath, useCommands } from "./next-steps.js";
import { sayTo } from "./say.js";
import { thisProgram } from "./this-program.js";

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

function report(run: ConductedRun, config: RunConfig, options: LeadOptions): void {
  const { outcome, adapter, step } = run;
  const out = sayTo(() => run.output);
  const workingFolder = process.cwd();
  const program = thisProgram();
  switch (outcome.kind) {
    case "completed": {
      const folder = adapter ?? config.output_dir;
      out(`done: ${step} steps; the adapter is in ${shortPath(folder, workingFolder)}`);
      out(`next: ${useCommands(program, folder, workingFolder).join("\n      ")}`);
      return;
    }
    case "stopped":
      out(
        `${stopped(outcome.reason, run.cause)} ${progressOf(step)}; ` +
          `go on with: ${resumeCommand(program, options, workingFolder)}`,
      );
      process.exitCode = 130;
      return;
    case "failed":
      // Of everything else, what is on disk is not known here.
      if (step > 0 && outcome.error.code === "cluster")
        out(`stopped ${progressOf(step)}; go on with: ${resumeCommand(program, options, workingFolder)}`);
      throw systemTrouble(outcome.error) ?? new CoxswainError("bug", String(outcome.error));
  }
}

/** "stopped (received SIGINT)", or "stopped by ann@laptop" where somebody else asked for it. */
const stopped = (reason: string, cause: string | undefined): string =>
  reason === interrupted ? `stopped${cause === undefined ? "" : ` (${cause})`}` : reason;

const progressOf = (step: number): string =>
  step === 0 ? "before the first step: nothing is saved" : `after step ${step}, which is saved`;
