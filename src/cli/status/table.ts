/** Formats the status of a run as a table: its state, its progress, and one row per worker. Pure. */
import type { RunState, RunStatus, WorkerStatus } from "../../control/index.js";
import type { Colours } from "../terminal/colour.js";
import { cut, liveLine, type LineStyle } from "../terminal/progress-line.js";
import { formatCount, formatDuration } from "../terminal/progress-format.js";
import { evaluationText } from "./figures.js";

export interface TableStyle extends LineStyle {
  /** Maximum number of lines; the workers that do not fit are counted. */
  readonly rows: number;
  /** Wall clock, ms since 1970. */
  readonly now: number;
}

/** Lines have at most `width` columns: a line that wraps cannot be redrawn. */
export function statusTable(status: RunStatus, style: TableStyle): readonly string[] {
  const head = [stateLine(status, style), progressLine(status, style), ...facts(status, style), ""];
  return [...head, ...workerLines(status.workers, { ...style, rows: style.rows - head.length })];
}

const tints: Record<RunState, (colours: Colours) => (text: string) => string> = {
  recovering: ({ yellow }) => yellow,
  waiting: ({ yellow }) => yellow,
  training: ({ green }) => green,
  evaluating: ({ green }) => green,
  pausing: ({ yellow }) => yellow,
  paused: ({ yellow }) => yellow,
  stopping: ({ yellow }) => yellow,
  completed: ({ green }) => green,
  stopped: ({ yellow }) => yellow,
  failed: ({ red }) => red,
};

function stateLine({ state, detail }: RunStatus, { colours, width }: TableStyle): string {
  const tint = (text: string): string => colours.bold(tints[state](colours)(text));
  // The detail may begin with the state: "paused after step 3 by …".
  const rest = detail === null ? "" : detail.startsWith(state) ? detail.slice(state.length) : `: ${detail}`;
  return `${tint(state)}${cut(rest, width - state.length)}`;
}

function progressLine(status: RunStatus, style: TableStyle): string {
  const { step, total_steps: totalSteps, epoch, loss, learning_rate: rate, grad_norm: norm } = status;
  if (epoch === null || loss === null || rate === null || norm === null)
    return cut(`step ${step}/${totalSteps}`, style.width);
  const progress = {
    step,
    totalSteps,
    epoch,
    loss,
    learningRate: rate,
    gradNorm: norm,
    tokensPerSecond: status.tokens_per_second ?? Number.NaN,
    workers: status.workers.filter(({ state }) => state === "active").length,
    remainingSeconds: status.seconds_left ?? Number.NaN,
  };
  return liveLine(progress, style);
}

function facts(status: RunStatus, style: TableStyle): readonly string[] {
  const { evaluation, checkpoint, seconds_per_step: seconds, all_reduce: reducer } = status;
  const pace = seconds === null ? undefined : `${seconds.toPrecision(3)} s per step, all-reduce by ${reducer}`;
  const rows: readonly (readonly [label: string, text: string | undefined])[] = [
    ["model", status.model],
    ["folder", `${status.output_dir} on ${status.host}`],
    ["pace", pace],
    ["eval", evaluationText(evaluation, status.best)],
    [
      "saved",
      checkpoint === null
        ? undefined
        : `step ${checkpoint.step}, ${ago(checkpoint.time, style.now)}: ${shortened(checkpoint.path, status.output_dir)}`,
    ],
  ];
  return rows.flatMap(([label, text]) =>
    text === undefined ? [] : [`${style.colours.dim(label.padEnd(labelWidth))}${cut(text, style.width - labelWidth)}`],
  );
}

const labelWidth = 8;

/** The path of a checkpoint relative to the output folder, which is printed above it. */
const shortened = (path: string, folder: string): string =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;

const ago = (time: string, now: number): string => {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  return seconds < 1 ? "now" : `${formatDuration(seconds)} ago`;
};

interface Column {
  readonly title: string;
  readonly right?: true;
  /** On a narrow terminal, columns with the lowest worth are dropped first. The worker's name always stays. */
  readonly worth: number;
  readonly cell: (worker: WorkerStatus, now: number) => string;
}

const columns: readonly Column[] = [
  { title: "worker", worth: 9, cell: ({ id }) => id },
  { title: "state", worth: 8, cell: ({ state, late }) => (late ? "late" : state) },
  {
    title: "computes with",
    worth: 4,
    cell: ({ engine, device }) => (engine === null ? "" : `${engine} on ${device ?? "?"}`),
  },
  {
    title: "tok/s",
    right: true,
    worth: 7,
    cell: ({ tokens_per_second: speed }) => (speed === null ? "" : formatCount(speed)),
  },
  { title: "done", right: true, worth: 6, cell: ({ shards_done: done }) => String(done) },
  { title: "held", right: true, worth: 5, cell: ({ shards_held: held }) => String(held) },
  { title: "joined", right: true, worth: 3, cell: ({ joined_at: time }, now) => ago(time, now) },
  {
    title: "gradients",
    worth: 2,
    cell: ({ reachable, engine }) => (engine === null ? "" : reachable ? "pulled" : "pushed"),
  },
];

const gap = "  ";

function workerLines(workers: readonly WorkerStatus[], style: TableStyle): readonly string[] {
  if (workers.length === 0) return [style.colours.dim("no workers")];
  const hidden = workers.length + 1 <= style.rows ? 0 : Math.max(0, workers.length - Math.max(0, style.rows - 2));
  const shown = workers.slice(0, workers.length - hidden);
  let kept = columns.map((column) => {
    const cells = shown.map((worker) => column.cell(worker, style.now));
    return { ...column, cells, width: Math.max(column.title.length, ...cells.map(({ length }) => length)) };
  });
  const total = (): number => kept.reduce((sum, { width }) => sum + width + gap.length, -gap.length);
  while (kept.length > 1 && total() > style.width) {
    const least = Math.min(...kept.map(({ worth }) => worth));
    kept = kept.filter(({ worth }) => worth !== least);
  }
  const line = (cellOf: (column: (typeof kept)[number]) => string): string =>
    cut(
      kept
        .map((column) => pad(cellOf(column), column))
        .join(gap)
        .trimEnd(),
      style.width,
    );
  return [
    style.colours.dim(line(({ title }) => title)),
    ...shown.map((_, row) => line(({ cells }) => cells[row] ?? "")),
    ...(hidden > 0 ? [style.colours.dim(cut(`and ${hidden} more`, style.width))] : []),
  ];
}

const pad = (text: string, { width, right }: { readonly width: number; readonly right?: true }): string =>
  right === true ? text.padStart(width) : text.padEnd(width);
