/** The work of `coxswain plot`: reads runs, draws them, writes the picture. */
import { CoxswainError } from "../../errors.js";
import { distinctNames, findRunFolder, readHistory, type RunHistory } from "../../history/index.js";
import { drawPng, drawSvg, plotSpecification } from "../../plots/index.js";
import { visibleText } from "../../visible-text.js";
import { formatOf, writePicture } from "./file.js";

export interface PlotFlags {
  readonly out?: string;
  readonly log?: true;
  readonly smoothing: number;
  readonly width: number;
}

interface PlotOutput {
  print(text: string): void;
  note(text: string): void;
}

const terminal: PlotOutput = {
  print: (text) => process.stdout.write(`${text}\n`),
  note: (text) => process.stderr.write(`note: ${text}\n`),
};

/** @param output default: stdout, and notes on stderr */
export async function plot(runs: readonly string[], flags: PlotFlags, output: PlotOutput = terminal): Promise<void> {
  const format = formatOf(flags.out);
  const folders = [...new Set(await Promise.all(runs.map(findRunFolder)))];
  if (folders.length < runs.length) output.note("a run that is given twice is drawn once");
  const names = distinctNames(folders).map(visibleText);
  const histories = folders.map((folder, index) => {
    const history = readHistory(folder);
    notesOn(history, flags).forEach((text) => output.note(`${names[index] ?? folder}: ${text}`));
    return history;
  });
  const isEmpty = ({ curves }: RunHistory): boolean => Object.values(curves).every((curve) => curve.length === 0);
  if (histories.every(isEmpty))
    throw new CoxswainError("config", `${runs.join(", ")}: no step is recorded yet, so there is nothing to draw`, {
      hint: "metrics.jsonl has one line per step, from the first one on.",
    });
  const drawn = histories.map((history, index) => ({ name: names[index] ?? "", curves: history.curves }));
  const { smoothing, width } = flags;
  const specification = plotSpecification(drawn, { smoothing, width, log: flags.log === true });
  const svg = await drawSvg(specification, (text) => output.note(text));
  const picture = format === "svg" ? svg : await drawPng(svg);
  const { path, replaced } = writePicture(flags.out, picture);
  const what = folders.length === 1 ? "1 run" : `${folders.length} runs`;
  output.print(`${path}: ${what}${replaced ? " (the earlier file was replaced)" : ""}`);
}

function notesOn({ curves, damagedLines, repeatedSteps }: RunHistory, { log }: PlotFlags): readonly string[] {
  const points = Object.values(curves).flat();
  const isEmpty = points.length === 0;
  const notFinite = points.filter(({ value }) => value === null).length;
  const notPositive = log === true ? points.filter(({ value }) => value !== null && value <= 0).length : 0;
  return [
    isEmpty ? "no step is recorded yet" : "",
    damagedLines > 0
      ? `${counted(damagedLines, "line")} of metrics.jsonl could not be read and ${wasWere(damagedLines)} skipped`
      : "",
    repeatedSteps > 0
      ? `${counted(repeatedSteps, "step")} ${wasWere(repeatedSteps)} recorded again after a restart: the later lines are drawn`
      : "",
    notFinite > 0
      ? `${counted(notFinite, "value")} ${notFinite === 1 ? "is" : "are"} not finite: gaps in the curves`
      : "",
    notPositive > 0
      ? `${counted(notPositive, "value")} of 0 or less ${notPositive === 1 ? "has" : "have"} no place on logarithmic axes`
      : "",
  ].filter((text) => text !== "");
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
const wasWere = (count: number): string => (count === 1 ? "was" : "were");
