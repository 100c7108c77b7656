/** The work of `coxswain compare`: reads runs and prints what differs. */
import { CoxswainError } from "../../errors.js";
import { distinctNames, findRunFolder } from "../../history/index.js";
import { visibleText } from "../../visible-text.js";
import { coloursFor } from "../terminal/colour.js";
import { differingSettings, readSettings } from "./settings.js";
import { readResult } from "./result.js";
import { comparisonTable, type Comparison } from "./table.js";

export interface CompareFlags {
  readonly json?: true;
}

/** Of output that is not a terminal. */
const defaultWidth = 80;

export async function compare(
  runs: readonly string[],
  flags: CompareFlags,
  output: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
): Promise<void> {
  const folders = [...new Set(await Promise.all(runs.map(findRunFolder)))];
  if (folders.length < 2)
    throw new CoxswainError("usage", `${runs.join(", ")}: one run cannot be compared`, {
      hint: "Give two or more different runs: coxswain compare runs/a runs/b.",
    });
  const names = distinctNames(folders).map(visibleText);
  const settings = folders.map(readSettings);
  const note = (text: string): unknown => process.stderr.write(`note: ${text}\n`);
  const results = await Promise.all(
    folders.map((folder, index) => readResult(folder, (text) => note(`${names[index] ?? folder}: ${text}`))),
  );
  const comparison: Comparison = { names, settings: differingSettings(settings), results };
  if (flags.json === true) {
    output.write(`${JSON.stringify(asJson(comparison, settings), undefined, 2)}\n`);
    return;
  }
  settings.forEach((each, index) => {
    if (each === undefined)
      note(`${names[index] ?? ""}: resolved.yaml is missing or damaged: its settings are unknown`);
  });
  output.write(
    `${comparisonTable(comparison, coloursFor(output), Math.max(output.columns ?? 0, defaultWidth)).join("\n")}\n`,
  );
}

/** Users' scripts read the names: add, don't rename. */
function asJson({ names, settings, results }: Comparison, known: readonly unknown[]): object {
  const adapters = results.map(({ adapter_sha256: hash }) => hash);
  return {
    runs: results.map((result, index) => ({ name: names[index], ...result })),
    // Values in the order of the runs; null also where a run does not have the key.
    settings: Object.fromEntries(settings.map(({ key, values }) => [key, values.map((value) => value ?? null)])),
    settings_known: known.map((each) => each !== undefined),
    adapters_equal: adapters.includes(null) ? null : new Set(adapters).size === 1,
  };
}
