/** `coxswain status`: shows the state of a run. */
import type { Command } from "commander";
import { controlCommand } from "../options/control.js";
import { runCommand } from "../frame.js";
import type { StatusFlags } from "./status.js";

export function registerStatus(program: Command): void {
  controlCommand(program, "status", "show the progress of a run and its workers")
    .option("--watch", "keep the display up to date until the run ends")
    .action((run: string | undefined, flags: StatusFlags) =>
      runCommand(async () => {
        const { showStatus } = await import("./status.js");
        await showStatus(run, flags);
      }),
    );
}
