/** `coxswain chaos`: injects faults into a run, and compares the result with that of an undisturbed run. */
import { randomInt } from "node:crypto";
import { InvalidArgumentError, type Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { naturalNumber, positiveNumber } from "../options/model.js";
import type { ChaosFlags } from "./chaos.js";

export function registerChaos(program: Command): void {
  const command = program
    .command("chaos")
    .summary("inject faults into a run and compare the bits")
    .description(
      "Executes a run twice on this machine: undisturbed, then with faults. Both adapters must have the same bits, and " +
        "every sample must be used exactly once. By default, every kind of fault is injected. Times are in seconds.",
    )
    .argument("<run>", "run file (YAML)")
    .option("--workers <n>", "number of worker processes (default: as in the run file, at least 2)", positiveNumber)
    .option("--seed <n>", "seed of the times and targets of the faults (default: random)", naturalNumber)
    .option("--kill-worker-every <s>", "seconds between kills (SIGKILL) of a worker", seconds)
    .option(
      "--kill-coordinator-every <s>",
      "seconds between kills of the coordinator, which restarts with --resume",
      seconds,
    )
    .option("--restart-after <s>", "delay before a killed process is restarted (default: 1)", seconds)
    .option("--freeze-every <s>", "seconds between freezes (SIGSTOP) of a worker", seconds)
    .option("--freeze-for <s>", "duration of a freeze (default: 5)", seconds)
    .option("--cut-every <s>", "seconds between cuts of a worker's connections, silent or by a reset", seconds)
    .option("--cut-for <s>", "duration of a cut (default: 3)", seconds)
    .option("--corrupt-every <s>", "seconds between corruptions of a byte that a worker sends or receives", seconds)
    .option("--slow <factor[:workers]>", "slow down one worker, or the given number of workers, by a factor")
    .option("--duration <s>", "inject faults only for this long; the run then continues to its end", seconds)
    .option("--give-up-after <s>", "fail if no step is committed for this long", seconds, 300)
    .option("--output <folder>", "where to write all files (default: a new folder next to output_dir)")
    .option("--reference <folder>", "folder of an earlier chaos run, whose undisturbed run is reused")
    .option("--insecure", "listen beyond loopback without TLS or a token")
    .option("--json", "print the report as one JSON object; the rest goes to stderr");
  setOption(command).action((file: string, flags: Omit<ChaosFlags, "seed"> & { seed?: number }) =>
    runCommand(async () => {
      const { chaos } = await import("./chaos.js");
      await chaos(file, { ...flags, seed: flags.seed ?? randomInt(1_000_000) });
    }),
  );
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value < 1e6))
    throw new InvalidArgumentError("It must be a number of seconds.");
  return value;
}
