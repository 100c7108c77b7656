/** `coxswain generate`: generates an answer with a model, with or without an adapter. */
import type { Command } from "commander";
import { runCommand } from "../frame.js";
import { modelOptions, samplingOptions } from "../options/model.js";
import type { GenerateFlags } from "./flags.js";

export function registerGenerate(program: Command): void {
  const command = program
    .command("generate")
    .description("generate an answer, with or without an adapter, and print it as it is generated")
    .option("--model <folder or id>", "the base model (default: the one that the adapter names)")
    .option("--prompt <text>", "the prompt (default: standard input)")
    .option("--messages <file>", 'a conversation in JSON: a list of messages, or {"messages", "tools"}')
    .option("--system <text>", "a system message before the prompt")
    .option("--raw", "continue the text of the prompt, without the chat template");
  modelOptions(samplingOptions(command)).action((flags: GenerateFlags) =>
    runCommand(async () => {
      const { generateAndPrint } = await import("./generate.js");
      await generateAndPrint(flags);
    }),
  );
}
