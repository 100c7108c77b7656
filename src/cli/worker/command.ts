/** `coxswain worker`: computes for a coordinator, on any machine. */
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { proxyOption, tlsOptions, tokenOption } from "../options/connection.js";
import { devices } from "../../config/choices.js";
import { runCommand } from "../frame.js";
import { natsOptions } from "../options/nats.js";
import type { WorkerFlags } from "./flags.js";

export function registerWorker(program: Command): void {
  const command = program
    .command("worker")
    .description("compute for a coordinator; needs only its address")
    .option("--coordinator <host:port>", "address of the coordinator")
    .option("--run <name>", "find the coordinator by the run's name, with --nats, even after it moves")
    .addOption(tokenOption())
    .option("--model <folder>", "folder with the model (default: found by content, else streamed from the coordinator)")
    .addOption(
      new Option("--device <device>", "compute device, instead of the run's compute.device").choices([
        "auto",
        ...devices,
      ]),
    )
    .option("--devices <list>", "start one worker per GPU: indices as in nvidia-smi (0,1), or all")
    .option("--listen <host:port>", 'address to serve gradients on, or "none" to push them (default: a free port)')
    .option(
      "--advertise <host>",
      "host name at which others reach that port (default: the address that the coordinator sees)",
    )
    .option("--http <host:port>", 'address for metrics and health checks, or "none"', "127.0.0.1:0")
    .addOption(proxyOption())
    .option(
      "--reconnect-timeout <seconds>",
      "how long to try to reach the coordinator (default: cluster.reconnect_timeout; 300 for the first)",
      wholeNumber,
    )
    .option("--stay", "for supervisors that restart it: wait for SIGTERM when the run is complete");
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
