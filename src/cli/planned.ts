/** Commands that are planned but not yet implemented: each prints that, and an alternative. */
import type { Command } from "commander";
import { CoxswainError } from "../errors.js";
import { runCommand } from "./frame.js";

/** The alternative for each command. */
export const plannedCommands: Readonly<Record<string, string>> = {
  sweep: "A shell loop over `coxswain train run.yaml --set KEY=VALUE --set output_dir=…` trains one run after another.",
};

/** Hidden in the help, since they cannot be used. */
export function registerPlanned(program: Command): void {
  for (const [name, meanwhile] of Object.entries(plannedCommands)) {
    const description = `not yet implemented. ${meanwhile}`;
    program
      .command(name, { hidden: true })
      .summary("not yet implemented")
      .description(description)
      .argument("[arguments...]")
      .allowUnknownOption()
      .action(() =>
        runCommand(() => {
          throw new CoxswainError("usage", `coxswain ${name} is not yet implemented`, { hint: meanwhile });
        }),
      );
  }
}
