/** The trials of a sweep as a table. Pure. */
import {
  shortKey,
  shortNumber,
  trialStates,
  type SweepStatus,
  type TrialState,
  type TrialStatus,
} from "../../sweep/index.js";
import type { Colours } from "../terminal/colour.js";
import { columnsOf, cut } from "../terminal/progress-line.js";
import { formatLoss } from "../terminal/progress-format.js";

export interface TableStyle {
  readonly colours: Colours;
  /** Columns of the terminal. */
  readonly width: number;
  /** The most lines; trials that do not fit are counted. */
  readonly rows: number;
}

const tints: Readonly<Record<TrialState, (colours: Colours) => (text: string) => string>> = {
  waiting: ({ dim }) => dim,
  starting: ({ yellow }) => yellow,
  training: ({ green }) => green,
  paused: ({ yellow }) => yellow,
  pruned: ({ dim }) => dim,
  completed: ({ green }) => green,
  diverged: ({ red }) => red,
  failed: ({ red }) => red,
  stopped: ({ yellow }) => yellow,
};

/** Lines of at most `width` columns. */
export function sweepTable(status: SweepStatus, style: TableStyle): readonly string[] {
  const { colours, width, rows } = style;
  const names = Object.keys(status.trials[0]?.settings ?? {});
  const hasLoss = status.trials.some(({ loss }) => loss !== null);
  // Settings come last: they are what is cut where the terminal is narrow.
  const head = [
    "trial",
    "state",
    "step",
    ...(hasLoss ? ["loss"] : []),
    status.metric,
    ...names.map((name) => shortKey(name, names)),
  ];
  const shown = chosen(status, Math.max(1, rows - 3));
  const cells = shown.map((trial) => cellsOf(trial, names, { ...status, hasLoss }));
  const widths = head.map((title, index) =>
    Math.max(columnsOf(title), ...cells.map((row) => columnsOf(row[index] ?? ""))),
  );
  const line = (row: readonly string[]): string =>
    cut(
      row.map((cell, index) => cell + " ".repeat(Math.max(0, (widths[index] ?? 0) - columnsOf(cell)))).join("  "),
      width,
    );
  const hidden = status.trials.length - shown.length;
  return [
    cut(headline(status), width),
    colours.bold(line(head)),
    ...cells.map((row, index) => {
      const trial = shown[index];
      const text = line(row);
      if (trial === undefined) return text;
      return trial.trial === status.best ? colours.bold(text) : tints[trial.state](colours)(text);
    }),
    ...(hidden > 0 ? [cut(`and ${hidden} more`, width)] : []),
  ];
}

export function headline({ trials, rung, rungs, workers, complete, best }: SweepStatus): string {
  const of = (state: TrialState): number => trials.filter((trial) => trial.state === state).length;
  if (complete) {
    const failed = of("failed");
    const again = failed === 0 ? "" : `; ${failed} failed (--resume tries ${failed === 1 ? "it" : "them"} again)`;
    return `complete: ${best === null ? "no trial was trained to its end" : `trial ${best} is the best`}${again}`;
  }
  const share = `${Math.round((rungs[rung] ?? 1) * 100)} % of the run`;
  const where = rungs.length > 1 ? `rung ${rung + 1} of ${rungs.length} (${share}), ` : "";
  const running = of("training") + of("starting");
  const waiting = of("waiting");
  return `${where}${running} in training, ${waiting} waiting, ${workers} ${workers === 1 ? "worker" : "workers"}`;
}

/** If not all fit: those in training, then the better ones. */
function chosen({ trials, metric }: SweepStatus, most: number): readonly TrialStatus[] {
  if (trials.length <= most) return trials;
  const sign = metric === "eval_loss" ? 1 : -1;
  const sorted = [...trials].sort(
    (one, other) =>
      trialStates.indexOf(one.state) - trialStates.indexOf(other.state) ||
      sign * ((one.value ?? Infinity) - (other.value ?? Infinity)) ||
      one.trial - other.trial,
  );
  return sorted.slice(0, most - 1);
}

function cellsOf(
  trial: TrialStatus,
  names: readonly string[],
  { best, metric, hasLoss }: SweepStatus & { readonly hasLoss: boolean },
): readonly string[] {
  const { state, step, total_steps: total, loss, value, settings } = trial;
  return [
    `${trial.trial}${trial.trial === best ? " *" : ""}`,
    state,
    total === null ? "" : `${step}/${total}`,
    ...(hasLoss ? [loss === null ? "" : formatLoss(loss)] : []),
    value === null ? "" : metricText(value, metric),
    ...names.map((name) => settingText(settings[name])),
  ];
}

export const metricText = (value: number, metric: SweepStatus["metric"]): string =>
  metric === "exact_match" ? `${(value * 100).toFixed(1)} %` : formatLoss(value);

export function settingText(value: unknown): string {
  if (typeof value === "number") return shortNumber(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}
