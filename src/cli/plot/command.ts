/** `coxswain plot`: draws the curves of runs as a picture. */
import { InvalidArgumentError, type Command } from "commander";
import { runCommand } from "../frame.js";
import type { PlotFlags } from "./plot.js";

const description =
  "Draws loss, evaluation loss, learning rate, gradient norm and throughput of one or several runs over their steps, as an " +
  "SVG or a PNG. Reads only metrics.jsonl, so it also works during a run.";

export function registerPlot(program: Command): void {
  program
    .command("plot")
    .summary("draw the curves of runs as a picture")
    .description(description)
    .argument("<runs...>", "output folders, such as runs/a runs/b, or run files")
    .option("--out <file>", "FILE.svg or FILE.png (default: coxswain-plot.svg, or the next free name)")
    .option("--log", "logarithmic y axes")
    .option("--smoothing <weight>", "smooth as TensorBoard does: from 0 (none) to below 1, such as 0.9", weight, 0)
    .option("--width <pixels>", "width of the picture; from 640 on it has two columns", width, 900)
    .action((runs: readonly string[], flags: PlotFlags) =>
      runCommand(async () => {
        const { plot } = await import("./plot.js");
        await plot(runs, flags);
      }),
    );
}

function weight(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError("It must be a number from 0 to below 1, such as 0.9.");
}

function width(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 360 && value <= 4000) return value;
  throw new InvalidArgumentError("It must be a whole number of pixels from 360 to 4000.");
}
