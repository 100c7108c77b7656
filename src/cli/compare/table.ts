/** Formats a comparison of runs as a table that fits the width: runs that do not fit follow in another table. Pure. */
import type { Colours } from "../terminal/colour.js";
import { formatCount, formatDuration, formatLoss } from "../terminal/progress-format.js";
import type { RunResult } from "./result.js";
import type { DifferingSetting } from "./settings.js";

export interface Comparison {
  readonly names: readonly string[];
  readonly settings: readonly DifferingSetting[];
  readonly results: readonly RunResult[];
}

interface Row {
  readonly label: string;
  readonly cells: readonly string[];
}

const narrowest = 12;
const widest = 28;
const absent = "–";

export function comparisonTable(
  { names, settings, results }: Comparison,
  colours: Colours,
  width: number,
): readonly string[] {
  const chosen = settings.map(({ key, values }): Row => ({ label: key, cells: values.map(settingText) }));
  const outcome = resultRows(results);
  const labelWidth = Math.max(...[...chosen, ...outcome].map(({ label }) => label.length));
  const most = Math.max(1, Math.floor((width - labelWidth) / (narrowest + 2)));
  const lines: string[] = [];
  for (let first = 0; first < names.length; first += most) {
    const shown = names.slice(first, first + most);
    const column = Math.min(widest, Math.floor((width - labelWidth) / shown.length) - 2);
    const print = ({ label, cells }: Row, paint: (text: string) => string = (text) => text): readonly string[] =>
      rowLines(label.padEnd(labelWidth), cells.slice(first, first + most), column).map(paint);
    lines.push(
      ...(first > 0 ? [""] : []),
      ...print({ label: "", cells: names }, (text) => colours.bold(text)),
      ...(chosen.length > 0
        ? [colours.dim("settings that differ"), ...chosen.flatMap((row) => print(row)), colours.dim("result")]
        : []),
      ...outcome.flatMap((row) => print(row)),
    );
  }
  return [...lines, "", ...(chosen.length === 0 ? ["No setting differs."] : []), adapterLine(names, results)];
}

function resultRows(results: readonly RunResult[]): readonly Row[] {
  const row = (label: string, of: (result: RunResult) => string | null): Row => ({
    label,
    cells: results.map((result) => of(result) ?? absent),
  });
  const loss = (value: number | null): string | null => (value === null ? null : formatLoss(value));
  const best = (value: number | null, step: number | null): string | null =>
    value === null ? null : `${formatLoss(value)} at ${step ?? absent}`;
  const rows = [
    row("state", ({ state }) => state),
    row("step", ({ step, total_steps: total }) => `${step}${total === null ? "" : ` of ${total}`}`),
    row("final loss", (result) => loss(result.loss)),
    row("best loss at step", (result) => best(result.best_loss, result.best_loss_step)),
    row("final evaluation loss", (result) => loss(result.eval_loss)),
    row("best evaluation loss at step", (result) => best(result.best_eval_loss, result.best_eval_loss_step)),
    row("exact match", ({ eval_exact_match: share }) => (share === null ? null : `${(100 * share).toFixed(1)} %`)),
    row("tokens/s", ({ tokens_per_second: speed }) => (speed === null ? null : formatCount(speed))),
    row("time of steps", ({ seconds }) => formatDuration(seconds)),
    row("tokens", ({ tokens }) => formatCount(tokens)),
    row("adapter (SHA-256)", ({ adapter_sha256: hash }) => hash?.slice(0, 10) ?? null),
  ];
  return rows.filter(({ cells }) => cells.some((cell) => cell !== absent));
}

function adapterLine(names: readonly string[], results: readonly RunResult[]): string {
  const groups = new Map<string, string[]>();
  results.forEach(({ adapter_sha256: hash }, index) => {
    if (hash !== null) groups.set(hash, [...(groups.get(hash) ?? []), names[index] ?? ""]);
  });
  const equal = [...groups.values()].filter((group) => group.length > 1);
  if (groups.size === 0) return "No run has an adapter.";
  if (groups.size === 1 && results.every(({ adapter_sha256: hash }) => hash !== null))
    return "The adapters are equal, to the bit.";
  if (equal.length === 0) return groups.size === 1 ? "Only one run has an adapter." : "The adapters differ.";
  return `Equal adapters, to the bit: ${equal.map((group) => group.join(" = ")).join("; ")}.`;
}

function settingText(value: unknown): string {
  if (value === undefined) return absent;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Long cells continue on further lines: a value that is cut could look equal to another. */
function rowLines(label: string, cells: readonly string[], column: number): readonly string[] {
  const wrapped = cells.map((cell) => pieces(cell, column));
  const height = Math.max(...wrapped.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) => {
    const texts = wrapped.map((piece) => (piece[line] ?? "").padEnd(column));
    return [line === 0 ? label : " ".repeat(label.length), ...texts].join("  ").trimEnd();
  });
}

function pieces(text: string, width: number): readonly string[] {
  const characters = Array.from(text);
  const count = Math.max(1, Math.ceil(characters.length / width));
  return Array.from({ length: count }, (_, index) => characters.slice(index * width, (index + 1) * width).join(""));
}
