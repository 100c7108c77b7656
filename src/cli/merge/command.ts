/** `coxswain merge`: merges a base model and an adapter into one Hugging Face model folder. */
import { Option, type Command } from "commander";
import { floatTypes } from "../../config/choices.js";
import type { MergeType, RoundingCost } from "../../library/index.js";
import { runCommand } from "../frame.js";
import { progressWithNotes, warn } from "../terminal/quiet-progress.js";

interface MergeFlags {
  readonly model?: string;
  readonly adapter: string;
  readonly output: string;
  readonly dtype: MergeType;
}

export function registerMerge(program: Command): void {
  program
    .command("merge")
    .summary("merge an adapter into its base model")
    .description("Writes a Hugging Face model folder with the adapter merged into the weights; it loads without PEFT.")
    .requiredOption("--adapter <folder>", "the PEFT adapter, such as runs/my-run/adapter")
    .option("--model <folder or hub id>", "the base model (default: the one that the adapter names)")
    .requiredOption("--output <folder>", "where to write; must not exist yet, or be empty")
    .addOption(
      new Option("--dtype <type>", "type of the weights; auto keeps the base model's")
        .choices(["auto", ...floatTypes])
        .default("auto"),
    )
    .action((flags: MergeFlags) => runCommand(() => mergeAndPrint(flags)));
}

async function mergeAndPrint(flags: MergeFlags): Promise<void> {
  // Imported here, so that `coxswain --help` does not load it.
  const { merge } = await import("../../library/index.js");
  const progress = progressWithNotes();
  try {
    const { modules, bytes, leftOut, rounding, quantization, model } = await merge({
      ...flags,
      onNote: progress.note,
      onProgress: progress.show,
    });
    progress.close();
    if (leftOut.length > 0) warn(`not copied, since they contain unmerged weights or runs: ${leftOut.join(", ")}`);
    process.stdout.write(
      `merged ${modules} modules into ${flags.output} (${(bytes / 1e6).toFixed(1)} MB of weights)\n`,
    );
    if (rounding !== null) warn(roundingNote(rounding));
    if (quantization !== null) {
      process.stdout.write(
        `the adapter was trained on ${quantization} weights; it is merged into the unquantized weights of ${model}\n`,
      );
    }
  } finally {
    progress.close();
  }
}

function roundingNote({ changed, lost, relativeError }: RoundingCost): string {
  const percent = (part: number): string => `${(100 * part).toPrecision(3)} %`;
  return (
    `rounding to 16 bits costs ${percent(relativeError)} of what the adapter adds (relative L2 error); ${lost} of the ` +
    `${changed} elements that it changes (${percent(lost / changed)}) are rounded back to the base model's. ` +
    "--dtype float32 keeps them"
  );
}
