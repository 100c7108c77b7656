/** `coxswain checkpoint`: saves a run now. */
import type { Command } from "commander";
import { controlCommand } from "../options/control.js";
import { runCommand } from "../frame.js";
import { positiveNumber } from "../options/model.js";
import type { CheckpointFlags } from "./control.js";

export function registerCheckpoint(program: Command): void {
  controlCommand(program, "checkpoint", "save the step in flight once it is finished, and say where")
    .option("--timeout <seconds>", "how long to wait for it", positiveNumber, 600)
    .action((run: string | undefined, flags: CheckpointFlags) =>
      runCommand(async () => {
        const { checkpoint } = await import("./control.js");
        await checkpoint(run, flags);
      }),
    );
}
