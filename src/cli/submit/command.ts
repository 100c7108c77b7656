/** `coxswain submit`: submits a run to the queue of `coxswain serve`. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { natsOptions } from "../options/nats.js";
import type { SubmitFlags } from "./submit.js";

export function registerSubmit(program: Command): void {
  const command = program
    .command("submit")
    .description("submit a run to the queue of `coxswain serve`")
    .argument("<run>", "run file (YAML); its paths refer to the machine that executes the run")
    .option("--sign <file>", "sign the run with the NKey whose seed the file has, for servers with --accept-from")
    .option("--run <name>", "the run's name (default: telemetry.nats.run, else the last part of output_dir)");
  setOption(natsOptions(command, "the queue's server")).action((file: string, flags: SubmitFlags) =>
    runCommand(async () => {
      const { submit } = await import("./submit.js");
      await submit(file, flags);
    }),
  );
}
