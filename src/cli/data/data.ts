/** The work of `coxswain data`: reads a run's data, and prints what it holds. */
import { loadRun } from "../../config/index.js";
import { describeData } from "../../library/index.js";
import { coloursFor, supportsUnicode } from "../terminal/colour.js";
import { quietProgress, warn } from "../terminal/quiet-progress.js";
import { dataJson } from "./json.js";
import { dataText } from "./report.js";

export interface DataFlags {
  readonly set: readonly string[];
  readonly json?: true;
}

/** Narrower terminals wrap the lines; wider ones get no wider text. */
const columns = { least: 40, most: 100, default: 80 };

/** @param output the stream for the report (default: stdout); notes are written to stderr */
export async function showData(
  file: string,
  flags: DataFlags,
  output: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
): Promise<void> {
  const run = await loadRun(file, flags.set);
  const notes: string[] = [];
  const progress = quietProgress();
  try {
    const described = await describeData(run, {
      onNote: (text) => notes.push(text),
      onProgress: (text) => progress.show(text),
    });
    progress.close();
    if (flags.json === true) {
      output.write(`${JSON.stringify(dataJson(described, notes), null, 2)}\n`);
      return;
    }
    notes.forEach(warn);
    const width = Math.min(columns.most, Math.max(columns.least, output.columns ?? columns.default));
    const style = { colours: coloursFor(output), bar: supportsUnicode() ? "█" : "#", width };
    output.write(dataText(described, process.cwd(), style));
  } finally {
    progress.close();
  }
}
