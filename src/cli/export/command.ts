/** `coxswain export`: writes an adapter in the format of another program. */
import { Option, type Command } from "commander";
import { floatTypes } from "../../config/choices.js";
import { CoxswainError } from "../../errors.js";
import { runCommand } from "../frame.js";
import { progressWithNotes } from "../terminal/quiet-progress.js";

interface ExportFlags {
  readonly format: string;
  readonly output: string;
  readonly model?: string;
  readonly dtype: "float32" | "float16" | "bfloat16";
  readonly force?: true;
}

export function registerExport(program: Command): void {
  program
    .command("export")
    .summary("write an adapter as GGUF, for llama.cpp and Ollama")
    .description(
      "Writes a LoRA adapter as GGUF, llama.cpp's format, for `llama-server --lora` and Ollama's ADAPTER. " +
        "The base model is converted by llama.cpp.",
    )
    .argument("<run or adapter>", "the output folder of a run, its run file, or an adapter folder")
    .requiredOption("--format <format>", "gguf")
    .requiredOption("--output <file>", "the file to write, such as my-run.gguf")
    .option("--model <folder or hub id>", "the base model (default: the one that the adapter names)")
    .addOption(new Option("--dtype <type>", "type of the tensors").choices(floatTypes).default("float32"))
    .option("--force", "replace an existing file")
    .action((adapter: string, flags: ExportFlags) => runCommand(() => exportAndPrint(adapter, flags)));
}

async function exportAndPrint(path: string, { format, ...flags }: ExportFlags): Promise<void> {
  if (format !== "gguf") {
    throw new CoxswainError("usage", `--format ${format} does not exist`, {
      hint:
        "An adapter folder is already in PEFT's format, which vLLM and TGI read; --format gguf is for llama.cpp and " +
        "Ollama; `coxswain merge` writes a Hugging Face model folder, which other converters read.",
    });
  }
  // Imported here, so that `coxswain --help` does not load it.
  const { exportAdapter } = await import("../../library/index.js");
  const progress = progressWithNotes();
  try {
    const { onNote, onProgress } = { onNote: progress.note, onProgress: progress.show };
    const result = await exportAdapter({ ...flags, adapter: path, format, onNote, onProgress });
    progress.close();
    const { architecture, tensors, alpha, bytes } = result;
    process.stdout.write(
      `wrote ${tensors} tensors to ${flags.output} (${(bytes / 1e6).toFixed(1)} MB; architecture ${architecture}, ` +
        `alpha ${Number(alpha.toPrecision(6))})\n`,
    );
  } finally {
    progress.close();
  }
}
