/** `coxswain lr-find`: a learning-rate range test on the run's own distributed loop. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { decimalNumber, positiveNumber } from "../options/model.js";
import type { LrFindFlags } from "./lr-find.js";

export function registerLrFind(program: Command): void {
  const command = program
    .command("lr-find")
    .description("find a learning rate: trains under a rising rate until the loss diverges, and reads the curve")
    .argument("<run>", "run file (YAML)")
    .option("--workers <n>", "number of local workers; 0: wait for remote ones (default: the run file's)")
    .option("--from <rate>", "the first learning rate (default: 1e-7)", decimalNumber)
    .option("--to <rate>", "the last learning rate, if the loss does not diverge before (default: 1e-1)", decimalNumber)
    .option("--steps <n>", "steps of the ramp (default: 100)", positiveNumber)
    .option("--write", "write the suggestion into the run file, as training.learning_rate")
    .option("--insecure", "listen beyond loopback without TLS or a token")
    .option("--json", "print the result as one JSON object, instead of the drawing");
  setOption(command)
    .addHelpText(
      "after",
      `
The result is saved in lr-find/ in output_dir (result.json, curve.svg); nothing else
is left behind, and a run in output_dir is not touched. docs/choosing.md explains it.`,
    )
    .action((file: string, flags: LrFindFlags) =>
      runCommand(async () => {
        const { lrFind } = await import("./lr-find.js");
        await lrFind(file, flags);
      }),
    );
}
