/** `coxswain sweep`: trains many trials with different settings on one pool of workers, and finds the best. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import type { SweepFlags } from "./sweep.js";

export function registerSweep(program: Command): void {
  const command = program
    .command("sweep")
    .description("try many settings of one run file on shared workers, and find the best by evaluation")
    .argument("<sweep>", "sweep file (YAML): docs/sweep.md describes it")
    .option("--resume", "continue the sweep in output_dir")
    .option("--workers <n>", "number of local workers; 0: wait for remote ones (default: the run file's)")
    .option("--listen <host:port>", "where workers connect to (default: the run file's cluster.listen)")
    .option("--insecure", "listen beyond loopback without TLS or a token")
    .option("--json", "print the result as one JSON document");
  setOption(command)
    .addHelpText(
      "after",
      `
Trials are ordinary runs in output_dir/trials; results are in output_dir: best.yaml,
parallel.svg, curves.svg, results.jsonl. A sweep file:

  run: run.yaml
  method: random
  trials: 8
  parameters:
    training.learning_rate: {min: 1.0e-4, max: 1.0e-2, distribution: log_uniform}
    lora.r: [4, 8, 16]
  halving: {eta: 2}`,
    )
    .action((file: string, flags: SweepFlags) =>
      runCommand(async () => {
        const { sweep } = await import("./sweep.js");
        await sweep(file, flags);
      }),
    );
}
