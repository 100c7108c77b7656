/** `coxswain preview`: shows how examples are tokenised, and which tokens are trained on. */
import { Option, type Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { positiveNumber } from "../options/model.js";
import type { PreviewFlags } from "./preview.js";

export function registerPreview(program: Command): void {
  const command = program
    .command("preview")
    .description("show how examples are tokenised, and which tokens are trained on")
    .argument("<run>", "run file (YAML)")
    .addOption(new Option("--split <split>", "data.train or data.eval").choices(["train", "eval"]).default("train"))
    .option("-n, --rows <n>", "rows to show (default: 3; with --json: all)", positiveNumber)
    .option("--json", 'print one {"input_ids", "labels"} per line: the format `tokens`');
  setOption(command).action((file: string, flags: PreviewFlags) =>
    runCommand(async () => {
      const { preview } = await import("./preview.js");
      await preview(file, flags);
    }),
  );
}
