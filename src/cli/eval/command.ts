/** `coxswain eval`: measures loss, perplexity and exact match on a data set. */
import { Option, type Command } from "commander";
import { dataFormats } from "../../config/choices.js";
import { runCommand, setOption } from "../frame.js";
import { modelOptions, positiveNumber } from "../options/model.js";
import type { EvalFlags } from "./evaluate.js";

export function registerEval(program: Command): void {
  const command = program
    .command("eval")
    .description("measure a model, with or without an adapter: loss, perplexity, exact match")
    .argument("[run]", "run file (YAML) with model, data and template; options override it")
    .option("--model <folder or id>", "the base model (default: the run file's, else the one that the adapter names)")
    .option("--data <files...>", "data files to measure on (default: the run file's data.eval)")
    .addOption(
      new Option("--format <format>", "format of the data (default: the run file's, else auto)").choices([
        "auto",
        ...dataFormats,
      ]),
    )
    .option(
      "--max-length <n>",
      "maximum tokens per example; longer ones are truncated (default: as in a run file)",
      positiveNumber,
    )
    .option("--exact-match", "generate answers and count those that match the expected ones character by character")
    .option("--limit <n>", "use only the first n examples", positiveNumber)
    .option(
      "--max-new-tokens <n>",
      "maximum tokens per answer (default: the longest expected answer plus 16)",
      positiveNumber,
    )
    .option("--batch-size <n>", "examples per batch (default: 8 for the loss, 50 for answers)", positiveNumber)
    .option("--show <n>", "print the first n answers; implies --exact-match", positiveNumber);
  setOption(modelOptions(command)).action((file: string | undefined, flags: EvalFlags) =>
    runCommand(async () => {
      const { evaluate } = await import("./evaluate.js");
      await evaluate(file, flags);
    }),
  );
}
