/** `coxswain coordinator`: starts the coordinator alone; workers join over the network. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";

interface CoordinatorFlags {
  readonly set: readonly string[];
  readonly listen?: string;
  readonly resume?: true;
  readonly insecure?: true;
  readonly rescue?: string;
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
    )
    .option("--resume", "continue from the newest checkpoint in output_dir")
    .option("--insecure", "listen beyond loopback without TLS or a token")
    .option("--rescue <folder>", "where to write the adapter if the disk of output_dir is full")
    .option(
      "--stay",
      "for supervisors that restart it: keep serving metrics after the run, and on SIGTERM keep workers waiting",
    );
  setOption(command).action((file: string, flags: CoordinatorFlags) =>
    runCommand(async () => {
      const { train: lead } = await import("../train/train.js");
      const { listen } = flags;
      const sets =
        listen === undefined ? flags.set : [...flags.set, { flag: "--listen", key: "cluster.listen", value: listen }];
      await lead({
        file,
        sets,
        resume: flags.resume === true,
        insecure: flags.insecure === true,
        rescue: flags.rescue,
        localWorkers: false,
        stay: flags.stay === true,
        command: "coordinator",
      });
    }),
  );
}
