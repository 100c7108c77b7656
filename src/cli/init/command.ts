/** `coxswain init`: writes a run file that fits the model, the data and this machine. */
import { Option, type Command } from "commander";
import { runCommand } from "../frame.js";
import type { InitFlags } from "./init.js";

export function registerInit(program: Command): void {
  program
    .command("init")
    .description("write a run file that fits your model, your data and this machine")
    .argument("[run]", "run file to write; an existing one is never overwritten", "run.yaml")
    .option("--model <folder or id>", "the base model (default: ./model, if it is one)")
    .option("--data <source>", "training data: a file, a folder or a data set of the hub (default: train.jsonl)")
    .option("--eval <source>", "evaluation data, or a share of --data such as 0.05 (default: eval.jsonl, else 0.05)")
    .option("--output-dir <folder>", "folder that the run writes to (default: runs/ and the run file's name)")
    .addOption(
      new Option("--quantization <type>", "whether to use QLoRA (default: auto)").choices(["auto", "none", "nf4"]),
    )
    .option("-y, --yes", "ask nothing: take the defaults of what is not given")
    .addHelpText(
      "after",
      `
Without --yes it asks for what is not given; if stdin is not a terminal, what is
missing is an error. It measures what the model needs on this machine, as
\`coxswain doctor\` does, which takes up to some minutes.`,
    )
    .action((file: string, flags: InitFlags) =>
      runCommand(async () => {
        const { init } = await import("./init.js");
        await init(file, flags);
      }),
    );
}
