/** `coxswain stop`: finishes the step in flight, saves a checkpoint and ends the run. */
import type { Command } from "commander";
import { controlCommand } from "../options/control.js";
import { runCommand } from "../frame.js";
import type { StopFlags } from "./control.js";

export function registerStop(program: Command): void {
  controlCommand(program, "stop", "finish the step in flight, save a checkpoint and end the run")
    .option("--no-wait", "do not wait for the run to end")
    .action((run: string | undefined, flags: StopFlags) =>
      runCommand(async () => {
        const { stop } = await import("./control.js");
        await stop(run, flags);
      }),
    );
}
