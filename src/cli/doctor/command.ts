/** `coxswain doctor`: whether this machine will do, and what a model takes on it. */
import { InvalidArgumentError, type Command } from "commander";
import { hostLimits } from "../../host/index.js";
import { runCommand, setOption } from "../frame.js";
import { positiveNumber } from "../options/model.js";
import type { DoctorFlags } from "./doctor.js";

export function registerDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("say what this machine has and, for a model, what LoRA and QLoRA take: memory, speed, loss")
    .argument("[run]", "run file (YAML) that says model, data and adapter; options override it")
    .option(
      "--model <folder or id>",
      "measure with this model (default: the run file's; without either, the machine alone)",
    )
    .option("--max-length <n>", "tokens a row (default: the run file's, else 1024)", positiveNumber)
    .option("--rank <n>", "r of the adapter (default: the run file's lora.r, else 16)", positiveNumber)
    .option("--micro-batch-sizes <list>", "rows a shard to tell of", sizes, [1, 2, 4, 8])
    .option("--threads <n>", "threads of the computation", positiveNumber, hostLimits().cores)
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
  if (new Set(found).size !== found.length) throw new InvalidArgumentError("A number is there twice.");
  return found.sort((a, b) => a - b);
}
