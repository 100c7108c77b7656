/** `coxswain coordinator`: starts the coordinator alone; workers join over the network. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { runOptions, runSettings, type RunFlags } from "../options/run.js";

interface CoordinatorFlags extends RunFlags {
  readonly listen?: string;
  readonly stay?: true;
}

export function registerCoordinator(program: Command): void {
  const command = program
    .command("coordinator")
    .description("start a coordinator alone; workers join from any machine")
    .argument("<run>", "run file (YAML)")
    .option(
      "--listen <host:port>",
      "address to listen on for workers; port 0 takes a free one (default: cluster.listen)",
    );
  runOptions(command).option(
    "--stay",
    "for supervisors that restart it: keep serving metrics after the run, and on SIGTERM keep workers waiting",
  );
  setOption(command).action((file: string, flags: CoordinatorFlags) =>
    runCommand(async () => {
      const { train } = await import("../train/train.js");
      const settings = runSettings(flags, { flag: "--listen", key: "cluster.listen", value: flags.listen });
      await train({ file, ...settings, localWorkers: false, stay: flags.stay === true, command: "coordinator" });
    }),
  );
}
