/** `coxswain train`: starts a coordinator and local workers, as on a cluster, and shows the progress in the terminal. */
import type { Command } from "commander";
import { CoxswainError } from "../../errors.js";
import { runCommand, setOption } from "../frame.js";
import { runOptions, runSettings, type RunFlags } from "../options/run.js";

interface TrainFlags extends RunFlags {
  readonly workers?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export function registerTrain(program: Command): void {
  const command = program
    .command("train")
    .description("fine-tune on this machine: starts a coordinator and local workers")
    .argument("<run>", "run file (YAML)")
    .option("--dry-run", "print what the run would do, and what is doubtful about it, without training")
    .option("--json", "with --dry-run: print one JSON document")
    .option("--workers <n>", "number of local workers; 0: wait for remote ones (default: the run file's)");
  runOptions(command).addHelpText(
    "after",
    `
docs/run-file.md describes every key of a run file; \`coxswain schema\` prints
its JSON Schema, which editors use to complete and check them.`,
  );
  setOption(command).action((file: string, flags: TrainFlags) =>
    runCommand(async () => {
      const settings = runSettings(flags, { flag: "--workers", key: "workers", value: flags.workers });
      if (flags.dryRun === true) {
        const { dryRun } = await import("./dry-run.js");
        await dryRun({ file, ...settings, json: flags.json === true });
        return;
      }
      if (flags.json === true) throw new CoxswainError("usage", "--json is an option of --dry-run");
      const { train } = await import("./train.js");
      await train({ file, ...settings, localWorkers: true, stay: false, command: "train" });
    }),
  );
}
