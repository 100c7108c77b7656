/** Shared by `train` and `coordinator`: execute the run, then print how it ended and what to do next. */
import { loadRun } from "../../config/index.js";
import type { Override, RunConfig } from "../../config/index.js";
import { interrupted } from "../../library/index.js";
import type { BestEvaluation } from "../../library/index.js";
import { formatLoss } from "../terminal/progress-format.js";
import { withInitFrom } from "./init-from.js";
import { sampleLines } from "./samples.js";
import { runInTerminal } from "./run-in-terminal.js";
import type { TerminalRun } from "./run-in-terminal.js";
import { resumeCommand, shortPath, useCommands } from "./next-steps.js";
import { sayTo } from "../terminal/say.js";
import { thisProgram } from "../process/this-program.js";

export interface TrainOptions {
  /** Path of the run file, as the user gave it. */
  readonly file: string;
  readonly sets: readonly Override[];
  readonly resume: boolean;
  readonly insecure: boolean;
  /** A folder for the adapter if the disk of output_dir is full, as the user gave it. */
  readonly rescue: string | undefined;
  /** The run, adapter or checkpoint that it starts from, as the user gave it. */
  readonly initFrom: string | undefined;
  readonly localWorkers: boolean;
  /** A supervisor restarts this process when it ends. */
  readonly stay: boolean;
  readonly command: "train" | "coordinator";
}

export async function train(asked: TrainOptions): Promise<void> {
  const options = { ...asked, sets: await withInitFrom(asked.sets, asked.initFrom) };
  const loaded = await loadRun(options.file, options.sets);
  const { resume, insecure, rescue, localWorkers, stay } = options;
  report(await runInTerminal(loaded, { resume, insecure, rescue, localWorkers, stay }), loaded.config, options);
}

function report(run: TerminalRun, config: RunConfig, options: TrainOptions): void {
  const { outcome, adapter, step, best, stoppedEarly, lossWarning, samples = [] } = run;
  const out = sayTo(() => run.output);
  const workingFolder = process.cwd();
  const program = thisProgram();
  switch (outcome.kind) {
    case "completed": {
      const folder = adapter ?? config.output_dir;
      const steps = `${step} ${step === 1 ? "step" : "steps"}${stoppedEarly === true ? " (stopped early)" : ""}`;
      out(`done: ${steps}; the adapter is in ${shortPath(folder, workingFolder)}`);
      for (const line of sampleLines(samples, shortPath(config.output_dir, workingFolder))) out(line);
      if (best !== undefined) out(bestText(best, step));
      if (lossWarning !== undefined) out(`warning: ${lossWarning}`);
      out(`next: ${useCommands(program, folder, workingFolder).join("\n      ")}`);
      return;
    }
    case "stopped":
      out(
        `${stopped(outcome.reason, run.cause)} ${progressOf(step)}; ` +
          `continue with: ${resumeCommand(program, options, workingFolder)}`,
      );
      process.exitCode = 130;
      return;
    case "failed":
      // For other errors, it is not known here what is on disk.
      if (step > 0 && outcome.error.code === "cluster")
        out(`stopped ${progressOf(step)}; continue with: ${resumeCommand(program, options, workingFolder)}`);
      throw outcome.error;
  }
}

/** "best: eval_loss 1.2345 at step 40, which the adapter is from". */
export const bestText = ({ step, metric, value, loaded }: BestEvaluation, last: number): string =>
  `best: ${metric} ${metric === "eval_loss" ? formatLoss(value) : `${(100 * value).toFixed(1)} %`} at step ${step}` +
  (loaded || step === last
    ? "; the adapter is that of this step"
    : `; its adapter is in checkpoints/step-${String(step).padStart(6, "0")}`);

/** "stopped (received SIGINT)", or "stopped by ann@laptop" if another caller requested it. */
const stopped = (reason: string, cause: string | undefined): string =>
  reason === interrupted ? `stopped${cause === undefined ? "" : ` (${cause})`}` : reason;

const progressOf = (step: number): string =>
  step === 0 ? "before the first step: nothing is saved" : `after step ${step}, which is saved`;
