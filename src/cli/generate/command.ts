/** `coxswain generate`: ask a model, with an adapter or without. */
import type { Command } from "commander";
import { runCommand } from "../frame.js";
import { decimalNumber, modelOptions, naturalNumber, positiveNumber } from "../options/model.js";
import type { GenerateFlags } from "./flags.js";

export function registerGenerate(program: Command): void {
  const command = program
    .command("generate")
    .description("ask a model, with an adapter or without; the answer is printed as it is made")
    .option("--model <folder or id>", "the base model (default: the one that the adapter names)")
    .option("--prompt <text>", "what to ask (default: standard input)")
    .option("--messages <file>", 'a conversation in JSON: a list of messages, or {"messages", "tools"}')
    .option("--system <text>", "a system message before the prompt")
    .option("--raw", "go on from the prompt's text as it is, without the chat template")
    .option("--max-new-tokens <n>", "tokens of the answer at most", positiveNumber, 256)
    .option("--temperature <t>", "0 takes the likeliest token always; 1 draws as the model says", decimalNumber, 0)
    .option("--top-p <p>", "draw from the likeliest tokens that make up this probability", decimalNumber, 1)
    .option("--top-k <k>", "draw from this many of the likeliest tokens; 0 from all", naturalNumber, 0)
    .option("--seed <n>", "of the draws: the same seed, the same answer", naturalNumber, 0);
  modelOptions(command).action((flags: GenerateFlags) =>
    runCommand(async () => {
      const { generateAndPrint } = await import("./generate.js");
      await generateAndPrint(flags);
    }),
  );
}
