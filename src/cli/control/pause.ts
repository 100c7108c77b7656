/** `coxswain pause`: pauses a run after the step in flight. */
import type { Command } from "commander";
import { controlCommand } from "../options/control.js";
import { runCommand } from "../frame.js";
import type { PauseFlags } from "./control.js";

export function registerPause(program: Command): void {
  controlCommand(program, "pause", "pause a run after the step in flight; its workers stay connected")
    .option("--no-wait", "do not wait for that step to finish")
    .action((run: string | undefined, flags: PauseFlags) =>
      runCommand(async () => {
        const { pause } = await import("./control.js");
        await pause(run, flags);
      }),
    );
}
