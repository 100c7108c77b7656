/** Options shared by the commands that run a model, and the parsers of their numbers. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { devices, engines } from "../../config/choices.js";
import { hostLimits } from "../../host/index.js";

export interface ModelFlags {
  readonly adapter?: string;
  readonly chatTemplate?: string;
  /** JSON text of an object. */
  readonly chatTemplateKwargs?: string;
  readonly engine?: "auto" | "onnx" | "tfjs";
  readonly device?: "auto" | "cpu" | "cuda" | "webgpu";
  readonly quantization?: "none" | "nf4";
  readonly threads: number;
  readonly json?: true;
}

/** Adds --adapter, --chat-template, --chat-template-kwargs, --engine, --device, --quantization, --threads and --json. */
export const modelOptions = (command: Command): Command =>
  computeOptions(
    command.option("--adapter <folder>", "a PEFT adapter to apply (default: the base model alone)"),
  ).option("--json", "print one JSON object");

/** The same without --adapter and --json. */
export function computeOptions(command: Command): Command {
  return command
    .option("--chat-template <text or file>", "a Jinja template that replaces that of the adapter or the model")
    .option(
      "--chat-template-kwargs <json>",
      "variables of the chat template: '{\"enable_thinking\": false}' (default: as the adapter was trained)",
      jsonObject,
    )
    .addOption(
      new Option("--engine <engine>", "compute engine (default: as in the run file, else auto)").choices([
        "auto",
        ...engines,
      ]),
    )
    .addOption(
      new Option("--device <device>", "compute device (default: as in the run file, else auto)").choices([
        "auto",
        ...devices,
      ]),
    )
    .addOption(
      new Option(
        "--quantization <type>",
        "quantization of the base model's linear layers (default: as in the run file, else as the adapter was trained)",
      ).choices(["none", "nf4"]),
    )
    .option("--threads <n>", "number of compute threads", positiveNumber, hostLimits().cores);
}

/** Adds the options of sampling: --max-new-tokens, --temperature, --top-p, --top-k and --seed. */
export const samplingOptions = (command: Command): Command =>
  command
    .option("--max-new-tokens <n>", "maximum tokens of an answer", positiveNumber, 256)
    .option(
      "--temperature <t>",
      "0 always takes the likeliest token; 1 samples from the model's distribution",
      decimalNumber,
      0,
    )
    .option("--top-p <p>", "sample from the likeliest tokens that together have this probability", decimalNumber, 1)
    .option("--top-k <k>", "sample from this many of the likeliest tokens; 0: from all", naturalNumber, 0)
    .option("--seed <n>", "seed for sampling: the same seed gives the same answer", naturalNumber, 0);

/** The flags of `samplingOptions`. */
export interface SamplingFlags {
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly seed: number;
}

/** Checks that a text is a JSON object. The text is kept: reading it as Python does takes more than `--help` loads. */
function jsonObject(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return text;
  } catch {
    // Refused below.
  }
  throw new InvalidArgumentError('It must be a JSON object, such as {"enable_thinking": false}.');
}

export function positiveNumber(text: string): number {
  return wholeNumber(text, 1, "It must be a whole number above 0.");
}

export function naturalNumber(text: string): number {
  return wholeNumber(text, 0, "It must be a whole number.");
}

/** Parses any number; the code that uses it checks the range. */
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
