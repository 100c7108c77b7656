/** `coxswain train`: starts a coordinator and local workers, as on a cluster, and shows the progress in the terminal. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";

interface TrainFlags {
  readonly set: readonly string[];
  readonly workers?: string;
  readonly resume?: true;
  readonly insecure?: true;
  readonly rescue?: string;
}

export function registerTrain(program: Command): void {
  const command = program
    .command("train")
    .description("fine-tune on this machine: starts a coordinator and local workers")
    .argument("<run>", "run file (YAML)")
    .option("--workers <n>", "number of local workers; 0: wait for remote ones (default: the run file's)")
    .option("--resume", "continue from the newest checkpoint in output_dir")
    .option("--insecure", "listen beyond loopback without TLS or a token")
    .option("--rescue <folder>", "where to write the adapter if the disk of output_dir is full")
    .addHelpText(
      "after",
      `
docs/run-file.md describes every key of a run file; \`coxswain schema\` prints
its JSON Schema, which editors use to complete and check them.`,
    );
  setOption(command).action((file: string, flags: TrainFlags) =>
    runCommand(async () => {
      const { train: lead } = await import("./train.js");
      const { workers } = flags;
      const sets =
        workers === undefined ? flags.set : [...flags.set, { flag: "--workers", key: "workers", value: workers }];
      await lead({
        file,
        sets,
        resume: flags.resume === true,
        insecure: flags.insecure === true,
        rescue: flags.rescue,
        localWorkers: true,
        stay: false,
        command: "train",
      });
    }),
  );
}
