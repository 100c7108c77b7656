/** Formats the summary of a run whose coordinator cannot be reached. Pure. */
import type { RunSummary } from "../../telemetry/index.js";
import type { Colours } from "../terminal/colour.js";
import { formatCount, formatDuration, formatLoss } from "../terminal/progress-format.js";
import { evaluationText } from "./figures.js";

/** @param now wall clock, ms since 1970 */
export function summaryText(summary: RunSummary, colours: Colours, now: number): string {
  const { state, detail, step, total_steps: total, epoch, loss, evaluation, checkpoint, adapter } = summary;
  const progress = [
    `step ${step}${total === null ? "" : `/${total}`}`,
    epoch === null ? undefined : `epoch ${epoch.toFixed(2)}`,
    loss === null ? undefined : `loss ${formatLoss(loss)}`,
  ];
  const rows: readonly (readonly [label: string, text: string | undefined])[] = [
    ["model", summary.model ?? undefined],
    ["folder", summary.output_dir],
    ["pace", paceOf(summary)],
    ["eval", evaluationText(evaluation, summary.best)],
    ["saved", checkpoint === null ? undefined : `step ${checkpoint.step}: ${within(summary, checkpoint.path)}`],
    ["adapter", adapter === null ? undefined : within(summary, adapter)],
    ["ended", summary.ended_at === null ? undefined : `${summary.ended_at}, ${ago(summary.ended_at, now)}`],
  ];
  const lines = [
    `${colours.bold(tints[state](colours)(state))}${detail === null ? "" : `: ${detail}`}`,
    progress.filter((part) => part !== undefined).join("  "),
    ...rows.flatMap(([label, text]) => (text === undefined ? [] : [`${colours.dim(label.padEnd(8))}${text}`])),
    ...next(summary),
  ];
  return lines.join("\n");
}

const tints: Record<RunSummary["state"], (colours: Colours) => (text: string) => string> = {
  completed: ({ green }) => green,
  stopped: ({ yellow }) => yellow,
  failed: ({ red }) => red,
  interrupted: ({ yellow }) => yellow,
  running: ({ green }) => green,
};

function paceOf({ step, seconds, tokens, tokens_per_second: speed }: RunSummary): string | undefined {
  if (step === 0 || speed === null) return undefined;
  return `${formatCount(tokens)} tokens in ${formatDuration(seconds)}, ${formatCount(speed)} tok/s`;
}

/** How to continue a run that is not complete. */
function next(summary: RunSummary): readonly string[] {
  const { state, error_code: code, checkpoint } = summary;
  if (state === "completed" || state === "running") return [];
  if (code === "diverged") {
    const start =
      checkpoint === null ? "" : `, which lora.init_adapter can start from ${within(summary, checkpoint.path)}`;
    return [`--resume would diverge at the same step: change training.learning_rate or the data in a new run${start}`];
  }
  const from =
    checkpoint === null ? "starts at step 0: there is no checkpoint" : `continues after step ${checkpoint.step}`;
  return [`\`coxswain train\` or \`coordinator\` with --resume ${from}`];
}

const within = ({ output_dir: folder }: RunSummary, path: string): string =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;

const ago = (time: string, now: number): string =>
  `${formatDuration(Math.max(0, (now - Date.parse(time)) / 1000))} ago`;
