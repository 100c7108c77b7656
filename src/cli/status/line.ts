/** Formats the status of a run as one line, for logs. Pure. */
import type { RunStatus } from "../../control/index.js";
import { formatCount, formatDuration, formatLoss } from "../terminal/progress-format.js";

/** Contains nothing that changes with time alone, so that a log has one line per change. */
export function statusLine(status: RunStatus): string {
  const { state, detail, step, total_steps: total, evaluation, checkpoint, workers } = status;
  const active = workers.filter((worker) => worker.state === "active").length;
  const fields = [
    `step ${step}/${total}`,
    status.loss === null ? undefined : `loss ${formatLoss(status.loss)}`,
    evaluation === null ? undefined : `eval loss ${formatLoss(evaluation.eval_loss)}`,
    status.tokens_per_second === null ? undefined : `${formatCount(status.tokens_per_second)} tok/s`,
    `${active} of ${workers.length} workers active`,
    status.seconds_left === null ? undefined : `${formatDuration(status.seconds_left)} left`,
    checkpoint === null ? undefined : `checkpoint ${checkpoint.step}`,
  ];
  const said = detail === null || detail.startsWith(state) ? (detail ?? state) : `${state} (${detail})`;
  return [said, ...fields.filter((field) => field !== undefined)].join("  ");
}
