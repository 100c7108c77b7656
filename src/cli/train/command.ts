/** `coxswain train`: a coordinator and local worker processes, exactly as on a cluster, with progress in the terminal. */
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
    .description("fine-tune: a coordinator and local workers, nothing else to start")
    .argument("<run>", "run file (YAML)")
    .option("--workers <n>", "local workers; 0 waits for remote ones (default: the run file's)")
    .option("--resume", "go on from the newest checkpoint in output_dir")
    .option("--insecure", "listen beyond loopback without TLS or a token")
    .option("--rescue <folder>", "where the adapter goes when output_dir's disk is full")
    .addHelpText(
      "after",
      `
docs/run-file.md describes every key of a run file; \`coxswain schema\` prints
its JSON Schema, with which an editor completes and checks them.`,
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
