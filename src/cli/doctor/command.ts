/** `coxswain doctor`: checks this machine, and measures what a model needs on it. */
import { InvalidArgumentError, type Command } from "commander";
import { hostLimits } from "../../host/index.js";
import { runCommand, setOption } from "../frame.js";
import { positiveNumber } from "../options/model.js";
import type { DoctorFlags } from "./doctor.js";

export function registerDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("check this machine and, for a model, measure LoRA and QLoRA: memory, speed, loss")
    .argument("[run]", "run file (YAML) with model, data and adapter; options override it")
    .option(
      "--model <folder or id>",
      "model to measure (default: the run file's; without either, only the machine is checked)",
    )
    .option("--max-length <n>", "tokens per row (default: the run file's, else 1024)", positiveNumber)
    .option("--rank <n>", "r of the adapter (default: the run file's lora.r, else 16)", positiveNumber)
    .option("--micro-batch-sizes <list>", "values of micro_batch_size to report", sizes, [1, 2, 4, 8])
    .option("--threads <n>", "number of compute threads", positiveNumber, hostLimits().cores)
    .option("--json", "print one JSON object");
  setOption(command).action((file: string | undefined, flags: DoctorFlags) =>
    runCommand(async () => {
      const { doctor } = await import("./doctor.js");
      await doctor(file, flags);
    }),
  );
}

function sizes(text: string): number[] {
  const found = text.split(",").map((each) => positiveNumber(each.trim()));
  if (new Set(found).size !== found.length) throw new InvalidArgumentError("A number is repeated.");
  return found.sort((a, b) => a - b);
}
