/** The work of `coxswain plot`: reads runs, draws them, writes the picture. */
import { CoxswainError } from "../../errors.js";
import { distinctNames, findRunFolder, historyNotes, readHistory, type RunHistory } from "../../history/index.js";
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
  requireDrawable(histories, runs, flags.log === true);
  const drawn = histories.map((history, index) => ({ name: names[index] ?? "", curves: history.curves }));
  const { smoothing, width } = flags;
  const specification = plotSpecification(drawn, { smoothing, width, log: flags.log === true });
  const svg = await drawSvg(specification, (text) => output.note(text));
  const picture = format === "svg" ? svg : await drawPng(svg);
  const { path, replaced } = writePicture(flags.out, picture);
  const what = folders.length === 1 ? "1 run" : `${folders.length} runs`;
  output.print(`${path}: ${what}${replaced ? " (the earlier file was replaced)" : ""}`);
}

/** @throws CoxswainError "data" where the picture would have axes and no curve */
function requireDrawable(histories: readonly RunHistory[], runs: readonly string[], log: boolean): void {
  const values = histories.flatMap(({ curves }) => Object.values(curves).flat()).map(({ value }) => value);
  const finite = values.filter((value) => value !== null);
  if (finite.length === 0)
    throw new CoxswainError("data", `${runs.join(", ")}: no recorded value is finite, so there is nothing to draw`, {
      hint: "The losses are NaN or infinite: the runs have diverged, or their metrics.jsonl is not one of Coxswain.",
    });
  if (log && finite.every((value) => value <= 0))
    throw new CoxswainError("data", `${runs.join(", ")}: no recorded value is above 0, so --log has nothing to draw`, {
      hint: "Omit --log.",
    });
}

function notesOn(history: RunHistory, { log }: PlotFlags): readonly string[] {
  const points = Object.values(history.curves).flat();
  const notPositive = log === true ? points.filter(({ value }) => value !== null && value <= 0).length : 0;
  return [
    ...(points.length === 0 ? ["no step is recorded yet"] : []),
    ...historyNotes(history),
    ...(notPositive > 0
      ? [
          `${notPositive} ${notPositive === 1 ? "value of 0 or less has" : "values of 0 or less have"} no place on logarithmic axes`,
        ]
      : []),
  ];
}
