/** The work of `coxswain preview`: prints rows of the data as a run would use them. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { loadRun } from "../../config/index.js";
import { renderPreview } from "../../data/index.js";
import type { PreviewStyle } from "../../data/index.js";
import { preview as tokenised } from "../../library/index.js";
import type { Preview } from "../../library/index.js";
import { coloursFor } from "../terminal/colour.js";
import { quietProgress, warn } from "../terminal/quiet-progress.js";

export interface PreviewFlags {
  readonly set: readonly string[];
  readonly split: "train" | "eval";
  readonly rows?: number;
  readonly json?: true;
}

const rowsShown = 3;

/** @param output the stream for the preview (default: stdout); notes are written to stderr */
export async function preview(
  file: string,
  flags: PreviewFlags,
  output: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined } = process.stdout,
): Promise<void> {
  const run = await loadRun(file, flags.set);
  const warnings: string[] = [];
  const progress = quietProgress();
  try {
    const shown = await tokenised(run, {
      split: flags.split,
      onNote: (text) => warnings.push(text),
      onProgress: (text) => progress.show(text),
    });
    progress.close();
    warnings.forEach(warn);
    if (flags.json === true) {
      await pipeline(Readable.from(jsonLines(shown, flags.rows ?? shown.rowCount)), output, { end: false });
      return;
    }
    const count = Math.min(flags.rows ?? rowsShown, shown.rowCount);
    const rows = await Promise.all(Array.from({ length: count }, (_, index) => shown.row(index)));
    output.write(renderPreview(rows, shown.statistics, styleFor(output)));
  } finally {
    progress.close();
  }
}

/** Each row in the format `tokens`: labels are not shifted, and are -100 where not supervised. */
function* jsonLines(data: Preview, rows: number): Generator<string> {
  const count = Math.min(rows, data.rowCount);
  for (let index = 0; index < count; index++) {
    const { inputIds, labels } = data.tokens(index);
    yield `${JSON.stringify({ input_ids: Array.from(inputIds), labels: Array.from(labels) })}\n`;
  }
}

/** Colours if the output supports them, else brackets. */
export function styleFor(
  stream: { readonly isTTY?: boolean | undefined },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): PreviewStyle {
  const colours = coloursFor(stream, environment);
  if (!colours.isColorSupported) {
    return {
      supervised: (text) => `[[${text}]]`,
      context: (text) => text,
      heading: (text) => text,
      legend: "[[text]] is trained on; the rest is context",
    };
  }
  const supervised = (text: string): string => colours.green(text);
  return {
    supervised,
    context: (text) => colours.dim(text),
    heading: (text) => colours.bold(text),
    legend: `${supervised("green")} is trained on; ${colours.dim("grey")} is context`,
  };
}
