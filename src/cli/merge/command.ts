/** `coxswain merge`: a base model and an adapter become one Hugging Face model folder. */
import { Option, type Command } from "commander";
import { CoxswainError } from "../../errors.js";
import type { MergeType, ModelFolder, RoundingCost } from "../../model/index.js";
import { runCommand } from "../frame.js";
import { quietProgress, warn } from "../terminal/quiet-progress.js";

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
    .description(
      "Writes a Hugging Face model folder with the adapter merged into the weights; needs no other library to load.",
    )
    .requiredOption("--adapter <folder>", "the PEFT adapter, such as runs/my-run/adapter")
    .option("--model <folder or hub id>", "the base model (default: the one that the adapter names)")
    .requiredOption("--output <folder>", "where to write; must not exist yet, or be empty")
    .addOption(
      new Option("--dtype <type>", "type of the weights; auto keeps the base model's")
        .choices(["auto", "float32", "float16", "bfloat16"])
        .default("auto"),
    )
    .action((flags: MergeFlags) => runCommand(() => merge(flags)));
}

async function merge({ model, adapter: adapterFolder, output, dtype }: MergeFlags): Promise<void> {
  // Not at the top: `coxswain --help` must not load it.
  const { mergeAdapter, openModelFolder, otherBaseNote, readAdapter, resolveBase } =
    await import("../../model/index.js");
  const { adapterTextNotes, inferenceFiles, openTokenizerIfAny } = await import("../../data/index.js");
  const adapter = await readAdapter(adapterFolder);
  const base = model ?? adapter.baseModel;
  if (base === undefined) {
    throw new CoxswainError("usage", `${adapterFolder} does not name its base model`, {
      hint: "Name the base model: --model FOLDER, or a hub id.",
    });
  }
  let progress = quietProgress();
  try {
    const folder = await resolveBase(base, {
      adapter: model === undefined ? adapterFolder : null,
      onProgress: (text) => progress.show(text),
    });
    const opened = await openModelFolder(folder);
    const onHash = (): void => progress.show("hashing the model");
    const otherBase = await otherBaseNote(adapter, opened, base, { onHash });
    const companions = await inferenceFiles({ folder, adapter: adapterFolder, chatTemplate: null });
    const texts = companions.has("tokenizer.json")
      ? await adapterTextNotes(await openTokenizerIfAny(folder, { adapter: adapterFolder }), null)
      : [];
    progress.close();
    const notes = [...(otherBase === null ? [] : [otherBase]), ...(await notesOn(opened)), ...texts];
    for (const note of notes) warn(note);
    progress = quietProgress();
    const onFile = (name: string): void => progress.show(`writing ${name}`);
    const { modules, bytes, leftOut, rounding } = await mergeAdapter({
      model: opened,
      folder,
      adapter,
      companions,
      output,
      dtype,
      onFile,
    });
    progress.close();
    if (leftOut.length > 0)
      warn(`not copied, since they hold weights that are not merged, or runs: ${leftOut.join(", ")}`);
    process.stdout.write(`merged ${modules} modules into ${output} (${(bytes / 1e6).toFixed(1)} MB of weights)\n`);
    if (rounding !== null) warn(roundingNote(rounding));
    if (adapter.quantization !== null) {
      process.stdout.write(
        `the adapter was trained on ${adapter.quantization} weights; it is merged into those of ${base}, in their own precision\n`,
      );
    }
  } finally {
    progress.close();
  }
}

/** Of families that can be computed: merging needs to know no family. */
async function notesOn(folder: ModelFolder): Promise<readonly string[]> {
  const { familyNames, weightNotes } = await import("../../compute/index.js");
  return familyNames.some((family) => family === folder.config["model_type"]) ? weightNotes(folder) : [];
}

function roundingNote({ changed, lost, relativeError }: RoundingCost): string {
  const percent = (part: number): string => `${(100 * part).toPrecision(3)} %`;
  return (
    `rounding to 16 bits costs ${percent(relativeError)} of what the adapter adds (relative L2 error); ${lost} of the ` +
    `${changed} elements that it changes (${percent(lost / changed)}) are rounded back to the base model's. ` +
    "--dtype float32 keeps them"
  );
}
