/** The work of `coxswain preview`: tokenise the data as a run would, and print rows of it. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { loadRun, type RunConfig } from "../../config/index.js";
import { adapterTextNotes, buildTokenStore, openTokenizerIfAny, previewRow, renderPreview } from "../../data/index.js";
import type { PreviewStyle, TokenStore } from "../../data/index.js";
import { CoxswainError } from "../../errors.js";
import { resolveModel } from "../../model/index.js";
import { coloursFor } from "../terminal/colour.js";
import { quietProgress, warn } from "../terminal/quiet-progress.js";

export interface PreviewFlags {
  readonly set: readonly string[];
  readonly split: "train" | "eval";
  readonly rows?: number;
  readonly json?: true;
}

const rowsShown = 3;

/** @param output where the preview goes; notes go to stderr. Default: stdout. */
export async function preview(
  file: string,
  flags: PreviewFlags,
  output: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined } = process.stdout,
): Promise<void> {
  const { config } = await loadRun(file, flags.set);
  const source = sourceOf(config, flags.split, file);
  const warnings: string[] = [];
  const progress = quietProgress();
  try {
    const folder = await resolveModel(config.model, { onProgress: (text) => progress.show(text) });
    progress.show("reading the data");
    const tokenizer = await openTokenizerIfAny(folder, { adapter: config.lora.init_adapter });
    const onWarning = (text: string): void => {
      warnings.push(text);
    };
    (await adapterTextNotes(tokenizer, config.data.chat_template)).forEach(onWarning);
    const store = await buildTokenStore({ source, data: config.data, tokenizer, onWarning });
    progress.close();
    warnings.forEach(warn);
    if (flags.json === true) {
      await pipeline(Readable.from(jsonLines(store, flags.rows ?? store.rowCount)), output, { end: false });
      return;
    }
    const count = Math.min(flags.rows ?? rowsShown, store.rowCount);
    const rows = await Promise.all(
      Array.from({ length: count }, (_, index) => previewRow(store.row(index), index, tokenizer)),
    );
    output.write(renderPreview(rows, store.statistics, styleFor(output)));
  } finally {
    progress.close();
  }
}

function sourceOf(config: RunConfig, split: PreviewFlags["split"], file: string): string | readonly string[] {
  const source = config.data[split];
  if (source !== null) return source;
  throw new CoxswainError("config", `${file} has no data.eval to preview`, {
    hint: "Set data.eval, or leave --split out to preview data.train.",
  });
}

/** Each row as the format `tokens` has it: labels not shifted, -100 where not supervised. */
function* jsonLines(store: TokenStore, rows: number): Generator<string> {
  const count = Math.min(rows, store.rowCount);
  for (let index = 0; index < count; index++) {
    const { inputIds, labels } = store.row(index);
    yield `${JSON.stringify({ input_ids: Array.from(inputIds), labels: Array.from(labels) })}\n`;
  }
}

/** Colours where the output shows them, else brackets. */
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
      legend: "[[text]] is learnt; the rest is only read",
    };
  }
  const supervised = (text: string): string => colours.green(text);
  return {
    supervised,
    context: (text) => colours.dim(text),
    heading: (text) => colours.bold(text),
    legend: `${supervised("green")} is learnt; ${colours.dim("grey")} is only read`,
  };
}
