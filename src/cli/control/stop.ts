/** `coxswain stop`: ends a run after the step in flight, saved. */
import type { Command } from "commander";
import { controlCommand } from "../options/control.js";
import { runCommand } from "../frame.js";
import type { StopFlags } from "./control.js";

export function registerStop(program: Command): void {
  controlCommand(program, "stop", "finish the step in flight, save, end")
    .option("--no-wait", "do not wait until it has ended")
    .action((run: string | undefined, flags: StopFlags) =>
      runCommand(async () => {
        const { stop } = await import("./control.js");
        await stop(run, flags);
      }),
    );
}
