/** `coxswain chat`: a conversation with a model, and beside it with its fine-tuned version. */
import type { Command } from "commander";
import { runCommand } from "../frame.js";
import { computeOptions, samplingOptions } from "../options/model.js";
import type { ChatFlags } from "./chat.js";

export function registerChat(program: Command): void {
  const command = program
    .command("chat")
    .summary("talk to a model, base and tuned side by side")
    .description(
      "Answers each line with the base model and with the adapter, side by side. Both are loaded, and each has its own " +
        "conversation. /help lists the commands within. Reads lines from a pipe too.",
    )
    .argument("<run or model>", "a run's output folder, its run file, an adapter, or a model (folder or hub id)")
    .option("--model <folder or id>", "the base model of an adapter (default: the one that the adapter names)")
    .option("--system <text>", "a system message")
    .option("--base-only", "only the base model of a run")
    .option("--tuned-only", "only the model with the adapter");
  computeOptions(samplingOptions(command)).action((path: string, flags: ChatFlags) =>
    runCommand(async () => {
      const { chat } = await import("./chat.js");
      await chat(path, flags, {
        stdin: process.stdin,
        stdout: process.stdout,
        exit: (code) => process.exit(code),
      });
    }),
  );
}
