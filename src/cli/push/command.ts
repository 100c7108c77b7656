/** `coxswain push`: publishes the adapter of a finished run on the Hugging Face hub. */
import type { Command } from "commander";
import { runCommand } from "../frame.js";
import { progressWithNotes } from "../terminal/quiet-progress.js";

interface PushFlags {
  readonly repo: string;
  readonly private?: true;
  readonly revision: string;
  readonly message?: string;
  readonly baseModel?: string;
}

const description =
  "Publishes the adapter of a finished run on the Hugging Face hub, with its tokenizer, its chat template and a model " +
  "card (data sets, settings, training curve, evaluations), as one commit. Checkpoints, logs and the names of local " +
  "files are not published.";

const environment = `
Environment:
  HF_TOKEN       a token with the role "write" (default: the one that \`hf auth login\` stored)
  HF_ENDPOINT    the hub's URL (default: https://huggingface.co)`;

export function registerPush(program: Command): void {
  program
    .command("push")
    .summary("publish a run's adapter on the Hugging Face hub")
    .description(description)
    .argument("<run folder>", "the output folder of a finished run, such as runs/my-run, or its run file")
    .requiredOption("--repo <owner/name>", "the model repository; created if it does not exist")
    .option("--private", "make a new repository private")
    .option("--revision <branch>", "the branch; created if it does not exist", "main")
    .option("--message <text>", 'the commit\'s message (default: "Adapter of step N, trained with Coxswain")')
    .option("--base-model <owner/name>", "the base model's hub id, if the run names a folder")
    .addHelpText("after", environment)
    .action((run: string, flags: PushFlags) => runCommand(() => pushAndPrint(run, flags)));
}

async function pushAndPrint(run: string, flags: PushFlags): Promise<void> {
  // Imported here, so that `coxswain --help` does not load it.
  const { push } = await import("../../library/index.js");
  const progress = progressWithNotes();
  try {
    const { url, commit, isNew, files } = await push({
      ...flags,
      run,
      onNote: progress.note,
      onProgress: progress.show,
    });
    progress.close();
    const where = isNew ? "the new repository " : "";
    process.stdout.write(`published ${files.length} files to ${where}${url} (commit ${commit.slice(0, 7)})\n`);
  } finally {
    progress.close();
  }
}
