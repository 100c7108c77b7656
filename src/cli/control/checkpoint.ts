/** `coxswain checkpoint`: saves a checkpoint of a run now. */
import type { Command } from "commander";
import { controlCommand } from "../options/control.js";
import { runCommand } from "../frame.js";
import { positiveNumber } from "../options/model.js";
import type { CheckpointFlags } from "./control.js";

export function registerCheckpoint(program: Command): void {
  controlCommand(program, "checkpoint", "finish the step in flight, save a checkpoint and print its path")
    .option("--timeout <seconds>", "how long to wait for the checkpoint", positiveNumber, 600)
    .action((run: string | undefined, flags: CheckpointFlags) =>
      runCommand(async () => {
        const { checkpoint } = await import("./control.js");
        await checkpoint(run, flags);
      }),
    );
}
