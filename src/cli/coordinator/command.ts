/** `coxswain coordinator`: the coordinator alone; workers join from anywhere. */
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
    .description("lead a run whose workers join from other machines")
    .argument("<run>", "run file (YAML)")
    .option("--listen <host:port>", "where workers reach it; port 0 takes a free one (default: cluster.listen)")
    .option("--resume", "go on from the newest checkpoint in output_dir")
    .option("--insecure", "listen beyond loopback without TLS or a token")
    .option("--rescue <folder>", "where the adapter goes when output_dir's disk is full")
    .option(
      "--stay",
      "for what starts it again: serve metrics when the run is over, and on SIGTERM let workers wait for the next",
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
