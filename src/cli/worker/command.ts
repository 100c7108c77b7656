/** `coxswain worker`: computes for a coordinator, wherever it is. */
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { proxyOption, tlsOptions, tokenOption } from "../options/connection.js";
import { runCommand } from "../frame.js";
import { natsOptions } from "../options/nats.js";
import type { WorkerFlags } from "./flags.js";

export function registerWorker(program: Command): void {
  const command = program
    .command("worker")
    .description("compute for a coordinator; needs nothing but its address")
    .option("--coordinator <host:port>", "where the coordinator listens")
    .option("--run <name>", "in its place: the run's name, with --nats; a coordinator that moves is found again")
    .addOption(tokenOption())
    .option("--model <folder>", "a folder that holds the model (default: found by content, else streamed)")
    .addOption(
      new Option("--device <device>", "in place of the run's compute.device").choices([
        "auto",
        "cpu",
        "cuda",
        "webgpu",
      ]),
    )
    .option("--devices <list>", "start one worker per GPU: indices as in nvidia-smi (0,1), or all")
    .option("--listen <host:port>", 'where gradients are fetched from, or "none" to push them (default: a free port)')
    .option("--advertise <host>", "host under which the coordinator reaches that port (default: the one it sees)")
    .option("--http <host:port>", 'metrics and health, or "none"', "127.0.0.1:0")
    .addOption(proxyOption())
    .option(
      "--reconnect-timeout <seconds>",
      "how long to try to reach the coordinator (default: cluster.reconnect_timeout; 300 for the first)",
      wholeNumber,
    )
    .option("--stay", "for what starts it again when it ends: wait for SIGTERM when the run is complete");
  natsOptions(tlsOptions(command, "this worker's"), "find the run over NATS").action((flags: WorkerFlags) =>
    runCommand(async () => {
      if (flags.devices !== undefined) {
        const { runPerGpu } = await import("./per-gpu.js");
        process.exitCode = await runPerGpu(flags, flags.devices);
        return;
      }
      const { work } = await import("./worker.js");
      await work(flags);
    }),
  );
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("It must be a whole number above 0.");
  return value;
}
