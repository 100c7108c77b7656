/** `coxswain resume`: continues a paused run. */
import type { Command } from "commander";
import { controlCommand, type ControlFlags } from "../options/control.js";
import { runCommand } from "../frame.js";

export function registerResume(program: Command): void {
  controlCommand(program, "resume", "continue a paused run").action((run: string | undefined, flags: ControlFlags) =>
    runCommand(async () => {
      const { resume } = await import("./control.js");
      await resume(run, flags);
    }),
  );
}
