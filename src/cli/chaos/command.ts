/** `coxswain chaos`: does harm to a run on purpose, and holds the result against that of an undisturbed one. */
import { randomInt } from "node:crypto";
import { InvalidArgumentError, type Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { naturalNumber, positiveNumber } from "../options/model.js";
import type { ChaosFlags } from "./chaos.js";

export function registerChaos(program: Command): void {
  const command = program
    .command("chaos")
    .summary("kill, freeze, cut and corrupt: the same bits?")
    .description(
      "Runs a run on this machine twice: undisturbed, then with faults. The adapter must have the same bits, and every " +
        "sample be used exactly once. Without any fault asked for there are some of each. Times are in seconds.",
    )
    .argument("<run>", "run file (YAML)")
    .option("--workers <n>", "worker processes (default: the run file's, at least 2)", positiveNumber)
    .option("--seed <n>", "of the faults' times and targets (default: another each time)", naturalNumber)
    .option("--kill-worker-every <s>", "kill -9 of a worker", seconds)
    .option("--kill-coordinator-every <s>", "kill -9 of the coordinator; it goes on with --resume", seconds)
    .option("--restart-after <s>", "how long a killed process is away (default: 1)", seconds)
    .option("--freeze-every <s>", "stop a worker", seconds)
    .option("--freeze-for <s>", "and let it go on (default: 5)", seconds)
    .option("--cut-every <s>", "cut a worker's connections: silently or by a reset", seconds)
    .option("--cut-for <s>", "and join them again (default: 3)", seconds)
    .option("--corrupt-every <s>", "flip a byte of what a worker sends or receives", seconds)
    .option("--slow <factor[:workers]>", "make one worker, or so many, slower by a factor")
    .option("--duration <s>", "no faults after so long; the run then goes to its end", seconds)
    .option("--give-up-after <s>", "without a commit, it has failed", seconds, 300)
    .option("--output <folder>", "where everything goes (default: beside output_dir)")
    .option("--reference <folder>", "an earlier chaos' folder, for its undisturbed run")
    .option("--insecure", "as of `coxswain coordinator`")
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
