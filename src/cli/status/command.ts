/** `coxswain status`: how a run is doing. */
import type { Command } from "commander";
import { controlCommand } from "../options/control.js";
import { runCommand } from "../frame.js";
import type { StatusFlags } from "./status.js";

export function registerStatus(program: Command): void {
  controlCommand(program, "status", "show how a run is doing, and who computes it")
    .option("--watch", "go on showing it until the run ends")
    .action((run: string | undefined, flags: StatusFlags) =>
      runCommand(async () => {
        const { showStatus } = await import("./status.js");
        await showStatus(run, flags);
      }),
    );
}
