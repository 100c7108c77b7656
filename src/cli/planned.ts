/** Commands that are planned and not there yet: each says so, and what does its work meanwhile. */
import type { Command } from "commander";
import { CoxswainError } from "../errors.js";
import { runCommand } from "./frame.js";

/** What to do meanwhile, by the command's name. */
export const plannedCommands: Readonly<Record<string, string>> = {
  chat: "`coxswain generate --messages FILE` answers a conversation that a file holds.",
  compare: "`metrics.jsonl` of each run has a line a step; `coxswain eval` measures each adapter.",
  data: "`coxswain preview run.yaml` shows what a data set amounts to, and its rows.",
  export: "`coxswain merge` writes a Hugging Face folder, which llama.cpp's convert_hf_to_gguf.py reads.",
  init: "README.md has a run file to copy; `coxswain preview` and `coxswain doctor` check it.",
  "lr-find": "Train a few steps with each of some rates: --set training.max_steps=50 --set training.learning_rate=…",
  plot: "The live page has the curves while a run lasts; `metrics.jsonl` has a line a step for any plotting tool.",
  push: "`hf upload OWNER/NAME runs/my-run/adapter` of the Python package huggingface_hub puts an adapter on the hub.",
  sweep: "A shell loop over `coxswain train run.yaml --set KEY=VALUE --set output_dir=…` trains one run after another.",
};

/** Not in the help: there is nothing to use. */
export function registerPlanned(program: Command): void {
  for (const [name, meanwhile] of Object.entries(plannedCommands)) {
    const description = `not there yet. ${meanwhile}`;
    program
      .command(name, { hidden: true })
      .summary("planned, and not there yet")
      .description(description)
      .argument("[arguments...]")
      .allowUnknownOption()
      .action(() =>
        runCommand(() => {
          throw new CoxswainError("usage", `coxswain ${name} is not there yet`, { hint: meanwhile });
        }),
      );
  }
}
