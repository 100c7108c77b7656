/** `coxswain compare`: what differs between runs, in settings and in result. */
import type { Command } from "commander";
import { runCommand } from "../frame.js";
import type { CompareFlags } from "./compare.js";

const description =
  "Shows which settings of runs differ, and how their results differ: losses, exact match, speed, time, and whether the " +
  "adapters are equal to the bit. Reads only the output folders, so it also works during a run.";

export function registerCompare(program: Command): void {
  program
    .command("compare")
    .summary("show what differs between runs, in settings and result")
    .description(description)
    .argument("<runs...>", "two or more output folders, such as runs/a runs/b, or run files")
    .option("--json", "print one JSON object")
    .action((runs: readonly string[], flags: CompareFlags) =>
      runCommand(async () => {
        const { compare } = await import("./compare.js");
        await compare(runs, flags);
      }),
    );
}
