/** `coxswain data`: what a data set holds, without training. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import type { DataFlags } from "./data.js";

export function registerData(program: Command): void {
  const command = program
    .command("data")
    .description("show what the training and evaluation data hold: lengths, duplicates, skipped examples …")
    .argument("<run>", "run file (YAML)")
    .option("--json", "print one JSON document (its keys: docs/data.md)");
  setOption(command).action((file: string, flags: DataFlags) =>
    runCommand(async () => {
      const { showData } = await import("./data.js");
      await showData(file, flags);
    }),
  );
}
