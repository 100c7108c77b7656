/** The progress line: its fields, and which are dropped first on a narrow terminal. Pure. */
import { stripVTControlCharacters } from "node:util";
import type { StepView } from "../../telemetry/index.js";
import type { Colours } from "./colour.js";
import { formatCount, formatDuration, formatLearningRate, formatLoss, formatSmall } from "./progress-format.js";

interface Field {
  /** The label is dimmed. */
  readonly label: string;
  readonly value: string;
  readonly order: "label first" | "value first";
  readonly strong?: boolean;
}

/** In display order; on a narrow terminal, the fields with the highest `worth` are kept. */
function fieldsOf(step: StepView): readonly (Field & { readonly worth: number })[] {
  const total = String(step.totalSteps);
  const workers = step.workers === 1 ? "worker" : "workers";
  return [
    { worth: 9, label: "step", value: `${String(step.step).padStart(total.length)}/${total}`, order: "label first" },
    { worth: 2, label: "epoch", value: step.epoch.toFixed(2), order: "label first" },
    { worth: 8, label: "loss", value: formatLoss(step.loss), order: "label first", strong: true },
    { worth: 5, label: "lr", value: formatLearningRate(step.learningRate), order: "label first" },
    { worth: 1, label: "norm", value: formatSmall(step.gradNorm), order: "label first" },
    { worth: 6, label: "tok/s", value: formatCount(step.tokensPerSecond), order: "value first" },
    { worth: 4, label: workers, value: String(step.workers), order: "value first" },
    { worth: 7, label: "left", value: formatDuration(step.remainingSeconds), order: "value first" },
  ];
}

const gap = "  ";
const textOf = ({ label, value, order }: Field): string =>
  order === "label first" ? `${label} ${value}` : `${value} ${label}`;

function paint({ label, value, order, strong = false }: Field, colours: Colours): string {
  const shown = strong ? colours.bold(value) : value;
  return order === "label first" ? `${colours.dim(label)} ${shown}` : `${shown} ${colours.dim(label)}`;
}

/** A line for a log, with all fields. */
export function plainLine(step: StepView): string {
  return fieldsOf(step).map(textOf).join(gap);
}

const bar = { widest: 24, narrowest: 10 } as const;

export interface LineStyle {
  /** Available columns. */
  readonly width: number;
  readonly colours: Colours;
  /** Whether the terminal supports characters beyond ASCII. */
  readonly unicode: boolean;
}

/** A bar and as many fields as fit into `width` columns: a line that wraps cannot be redrawn. */
export function liveLine(step: StepView, style: LineStyle): string {
  const fields = [...fieldsOf(step)];
  const fieldsWidth = (): number => fields.map(textOf).join(gap).length;
  // The bar has priority over the epoch, the norm and the number of workers.
  const barWidth = (): number => Math.min(bar.widest, style.width - fieldsWidth() - gap.length);
  while (fields.some(({ worth }) => worth <= 4) && barWidth() < bar.narrowest) dropLeastWorth(fields);
  const room = barWidth();
  if (room >= bar.narrowest) {
    return (
      drawBar(step.step / Math.max(1, step.totalSteps), room, style) +
      gap +
      fields.map((f) => paint(f, style.colours)).join(gap)
    );
  }
  while (fields.length > 1 && fieldsWidth() > style.width) dropLeastWorth(fields);
  if (fieldsWidth() > style.width) return fields.map(textOf).join(gap).slice(0, Math.max(0, style.width));
  return fields.map((field) => paint(field, style.colours)).join(gap);
}

function dropLeastWorth(fields: { readonly worth: number }[]): void {
  const least = Math.min(...fields.map(({ worth }) => worth));
  fields.splice(
    fields.findIndex(({ worth }) => worth === least),
    1,
  );
}

function drawBar(share: number, width: number, { colours, unicode }: LineStyle): string {
  const done = Math.min(1, Math.max(0, share));
  if (!unicode) {
    const cells = width - 2;
    const full = Math.floor(done * cells);
    return `[${colours.green("=".repeat(full))}${colours.gray("-".repeat(cells - full))}]`;
  }
  // Half cells, so that a short bar advances more often.
  const halves = Math.floor(done * width * 2);
  const full = Math.floor(halves / 2);
  const half = halves % 2;
  return colours.green("━".repeat(full) + (half === 1 ? "╸" : "")) + colours.gray("━".repeat(width - full - half));
}

const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;

/** Why nothing is being computed, and for how long. */
export function waitingLine(
  reason: string,
  elapsedSeconds: number,
  tick: number,
  { width, colours, unicode }: LineStyle,
): string {
  const sign = unicode ? (spinner[tick % spinner.length] ?? "") : ("-\\|/"[tick % 4] ?? "");
  const elapsed = elapsedSeconds < 2 ? "" : ` ${formatDuration(elapsedSeconds)}`;
  const room = width - sign.length - 1 - elapsed.length;
  return room < 1 ? "" : `${colours.cyan(sign)} ${cut(reason, room)}${colours.dim(elapsed)}`;
}

/** Cuts the first line to this many columns; wide characters count as two. */
export function cut(text: string, columns: number): string {
  let width = 0;
  let kept = "";
  for (const character of text.split("\n", 1).join("")) {
    width += isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
    if (width > columns) return kept;
    kept += character;
  }
  return kept;
}

/** Width of a line in columns, without colour codes. */
export function columnsOf(line: string): number {
  const text = stripVTControlCharacters(line);
  return clusters(text).reduce((width, cluster) => width + clusterWidth(cluster), 0);
}

const segmenter = new Intl.Segmenter();

/** The characters as a reader sees them: a letter with its accents, an emoji with its parts. */
export const clusters = (text: string): string[] =>
  isAscii(text) ? Array.from(text) : Array.from(segmenter.segment(text), ({ segment }) => segment);

// eslint-disable-next-line no-control-regex -- the ASCII range
const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text);

/** Columns of one of them. */
export function clusterWidth(cluster: string): number {
  if (/^[\p{Mn}\p{Me}\p{Cf}]+$/u.test(cluster)) return 0;
  // U+FE0F requests the emoji's picture; two regional indicators are a flag.
  return isWide(cluster.codePointAt(0) ?? 0) || /\uFE0F|^\p{RI}{2}/u.test(cluster) ? 2 : 1;
}

/** East Asian wide characters and emoji (Unicode's East_Asian_Width W and F, by block). */
function isWide(point: number): boolean {
  return (
    (point >= 0x1100 && point <= 0x115f) ||
    (point >= 0x2e80 && point <= 0xa4cf) ||
    (point >= 0xac00 && point <= 0xd7a3) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0xfe30 && point <= 0xfe6f) ||
    (point >= 0xff00 && point <= 0xff60) ||
    (point >= 0xffe0 && point <= 0xffe6) ||
    (point >= 0x1f300 && point <= 0x1faff) ||
    (point >= 0x20000 && point <= 0x3fffd)
  );
}
