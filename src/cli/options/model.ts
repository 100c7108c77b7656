/** Options that the commands which ask a model share, and how their numbers are read. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { hostLimits } from "../../host/index.js";

export interface ModelFlags {
  readonly adapter?: string;
  readonly chatTemplate?: string;
  readonly engine?: "auto" | "onnx" | "tfjs";
  readonly device?: "auto" | "cpu" | "cuda" | "webgpu";
  readonly quantization?: "none" | "nf4";
  readonly threads: number;
  readonly json?: true;
}

/** Adds --adapter, --chat-template, --engine, --device, --quantization, --threads and --json. */
export function modelOptions(command: Command): Command {
  return command
    .option("--adapter <folder>", "a PEFT adapter to put on the model (default: the base model alone)")
    .option("--chat-template <text or file>", "a Jinja template in place of the adapter's or the model's own")
    .addOption(
      new Option("--engine <engine>", "what computes (default: auto, or as a run file says)").choices([
        "auto",
        "onnx",
        "tfjs",
      ]),
    )
    .addOption(
      new Option("--device <device>", "on what (default: auto, or as a run file says)").choices([
        "auto",
        "cpu",
        "cuda",
        "webgpu",
      ]),
    )
    .addOption(
      new Option(
        "--quantization <type>",
        "of the base model's linear layers (default: as a run file says, or as the adapter was trained)",
      ).choices(["none", "nf4"]),
    )
    .option("--threads <n>", "threads of the computation", positiveNumber, hostLimits().cores)
    .option("--json", "print one JSON object");
}

export function positiveNumber(text: string): number {
  return wholeNumber(text, 1, "It must be a whole number above 0.");
}

export function naturalNumber(text: string): number {
  return wholeNumber(text, 0, "It must be a whole number.");
}

/** Any number; its range is checked where it is used. */
export function decimalNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

function wholeNumber(text: string, least: number, complaint: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < least) throw new InvalidArgumentError(complaint);
  return value;
}
