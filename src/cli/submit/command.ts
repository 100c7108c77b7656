/** `coxswain submit`: puts a run into the queue that `coxswain serve` takes runs from. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { natsOptions } from "../options/nats.js";
import type { SubmitFlags } from "./submit.js";

export function registerSubmit(program: Command): void {
  const command = program
    .command("submit")
    .description("put a run into the queue that `coxswain serve` takes runs from")
    .argument("<run>", "run file (YAML); its paths are meant on the machine that serves it")
    .option("--run <name>", "the run's name (default: telemetry.nats.run, else the last part of output_dir)");
  setOption(natsOptions(command, "the queue's server")).action((file: string, flags: SubmitFlags) =>
    runCommand(async () => {
      const { submit: sendRun } = await import("./submit.js");
      await sendRun(file, flags);
    }),
  );
}
