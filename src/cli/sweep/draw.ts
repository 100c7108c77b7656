/** Draws the pictures of a sweep: its settings beside its results, and the curves of its trials. */
import { join } from "node:path";
import { existsSync } from "node:fs";
import { readHistory } from "../../history/index.js";
import { drawSvg, plotSpecification } from "../../plots/index.js";
import { writeWhole } from "../../storage/index.js";
import { parallelCoordinates, trialFolder, type Sweep, type SweepStatus } from "../../sweep/index.js";

const width = 900;
/** More curves cannot be told apart. */
const mostCurves = 12;

export async function drawPictures(
  { outputDir, rules }: Sweep,
  status: SweepStatus,
  warn: (text: string) => void,
): Promise<void> {
  await writeWhole(join(outputDir, "parallel.svg"), await drawSvg(parallelCoordinates(status, width), warn));
  const sign = rules.lowerIsBetter ? 1 : -1;
  const drawn = status.trials
    .filter(({ trial }) => existsSync(join(trialFolder(outputDir, trial), "metrics.jsonl")))
    .sort((one, other) => sign * ((one.value ?? sign * Infinity) - (other.value ?? sign * Infinity)))
    .slice(0, mostCurves)
    .map(({ trial, settings }) => {
      const words = Object.values(settings).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
      return { name: `${trial}: ${words.join(", ")}`, curves: readHistory(trialFolder(outputDir, trial)).curves };
    });
  if (drawn.length === 0) return;
  const specification = plotSpecification(drawn, { width, log: false, smoothing: 0 });
  await writeWhole(join(outputDir, "curves.svg"), await drawSvg(specification, warn));
}
