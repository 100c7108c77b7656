/** The JSON of `coxswain train --dry-run`: its keys are documented in docs/commands.md and do not change. Pure. */
import type { Rehearsal } from "../../coordinator/index.js";
import { shareOf } from "../data/share.js";
import { timeForecast } from "./dry-run-forecast.js";
import type { DryRunWarning } from "./dry-run-warnings.js";

export function dryRunJson(
  run: Rehearsal,
  warnings: readonly DryRunWarning[],
  notes: readonly string[],
): Readonly<Record<string, unknown>> {
  const { prepared, batches, warmupSteps, memory, machineMemory, disk } = run;
  const { config, plan, train, evaluation, layout, targets, replica } = prepared;
  const { examples, tokens, supervisedTokens, truncated, dropped, skipped } = train.statistics;
  const forecast = timeForecast(run);
  return {
    model: config.model,
    output_dir: config.output_dir,
    trained_parameters: layout.size,
    adapted_modules: targets.length,
    steps_per_epoch: plan.stepsPerEpoch,
    total_steps: plan.totalSteps,
    steps_done: replica.step,
    warmup_steps: warmupSteps,
    examples,
    rows: train.rowCount,
    truncated,
    dropped: Object.values(dropped).reduce((sum, one) => sum + one, 0),
    skipped: skipped?.count ?? 0,
    tokens_per_epoch: tokens,
    total_tokens: batches.tokens,
    supervised_share: shareOf(supervisedTokens, tokens),
    padding_share: batches.paddingShare,
    evaluation_examples: evaluation?.statistics.examples ?? null,
    memory: {
      worker_at_least_bytes: Math.round(memory.worker),
      coordinator_at_least_bytes: Math.round(memory.coordinator),
      weights_bytes: Math.round(memory.weights),
      trained_bytes: memory.trained,
      machine_bytes: machineMemory,
    },
    disk_bytes: Math.round(disk.bytes),
    time: forecast === null ? null : { seconds_left: forecast.seconds, measured_steps: forecast.steps },
    warnings: warnings.map(({ code, text }) => ({ code, text })),
    notes,
  };
}
