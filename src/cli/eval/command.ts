/** `coxswain eval`: loss, perplexity and exact match of a data set. */
import { Option, type Command } from "commander";
import { dataFormats } from "../../config/choices.js";
import { runCommand, setOption } from "../frame.js";
import { modelOptions, positiveNumber } from "../options/model.js";
import type { EvalFlags } from "./evaluate.js";

export function registerEval(program: Command): void {
  const command = program
    .command("eval")
    .description("measure a model, with an adapter or without: loss, perplexity, exact match")
    .argument("[run]", "run file (YAML) that says model, data and template; options override it")
    .option("--model <folder or id>", "the base model (default: the run file's, else the one that the adapter names)")
    .option("--data <files...>", "what to measure on (default: the run file's data.eval)")
    .addOption(
      new Option("--format <format>", "of the data (default: the run file's, else auto)").choices([
        "auto",
        ...dataFormats,
      ]),
    )
    .option(
      "--max-length <n>",
      "tokens an example at most; a longer one is cut (default: as in a run file)",
      positiveNumber,
    )
    .option("--exact-match", "generate the answers and count those that are as expected to the character")
    .option("--limit <n>", "examples at most, from the first", positiveNumber)
    .option(
      "--max-new-tokens <n>",
      "tokens an answer at most (default: the longest expected one's and 16)",
      positiveNumber,
    )
    .option("--batch-size <n>", "examples computed together (default: 8 for the loss, 50 for answers)", positiveNumber)
    .option("--show <n>", "print so many answers; implies --exact-match", positiveNumber);
  setOption(modelOptions(command)).action((file: string | undefined, flags: EvalFlags) =>
    runCommand(async () => {
      const { evaluate } = await import("./evaluate.js");
      await evaluate(file, flags);
    }),
  );
}
