/** The report of `coxswain train --dry-run`, for people. Pure. */
import type { Rehearsal } from "../../coordinator/index.js";
import { formatBytes } from "../../output/index.js";
import { counted, number, percent } from "../data/words.js";
import type { Colours } from "../terminal/colour.js";
import { formatDuration } from "../terminal/progress-format.js";
import { timeForecast } from "./dry-run-forecast.js";
import { shortPath } from "./next-steps.js";
import type { DryRunWarning } from "./dry-run-warnings.js";

export function dryRunText(
  run: Rehearsal,
  warnings: readonly DryRunWarning[],
  { colours, workingFolder }: { readonly colours: Colours; readonly workingFolder: string },
): string {
  const { config } = run.prepared;
  const table: readonly (readonly [string, readonly string[]])[] = [
    ["model", modelLines(run, workingFolder)],
    ["data", dataLines(run)],
    ["steps", stepLines(run)],
    ["schedule", [scheduleText(run)]],
    ["memory", memoryLines(run)],
    ["disk", [`up to ${formatBytes(run.disk.bytes)} in output_dir (${counted(run.disk.checkpoints, "checkpoint")})`]],
    ["time", timeLines(run)],
  ];
  const lines = table.flatMap(([name, texts]) =>
    texts.map((text, index) => `${(index === 0 ? name : "").padEnd(8)}  ${text}`),
  );
  const head = `${colours.bold("dry run:")} nothing is trained or started, and ${shortPath(config.output_dir, workingFolder)} is not written`;
  const warned = warnings.map(({ text }) => `${colours.yellow("warning:")} ${text}`);
  return `${[head, "", ...lines, ...(warned.length === 0 ? [] : ["", ...warned])].join("\n")}\n`;
}

function modelLines({ prepared: { config, targets, layout } }: Rehearsal, workingFolder: string): readonly string[] {
  const { r, lora_alpha: alpha } = config.lora;
  const how = config.quantization === null ? "LoRA" : `QLoRA (${config.quantization})`;
  return [
    shortPath(config.model, workingFolder),
    `${how}, r ${r}, lora_alpha ${alpha}: ${number(layout.size)} parameters in ${counted(targets.length, "module")}`,
  ];
}

function dataLines({ prepared: { train, evaluation, config, plan } }: Rehearsal): readonly string[] {
  const { examples, tokens, supervisedTokens, truncated, dropped, skipped } = train.statistics;
  const lost = [
    [truncated, "truncated"],
    [Object.values(dropped).reduce((sum, one) => sum + one, 0), "dropped"],
    [skipped?.count ?? 0, "skipped"],
  ] as const;
  const rare = lost.filter(([count]) => count > 0).map(([count, what]) => `${number(count)} ${what}`);
  const every = config.training.eval_steps;
  return [
    `${counted(examples, "example")} in ${counted(train.rowCount, "row")}${rare.length === 0 ? "" : `; ${rare.join(", ")}`}`,
    `${counted(tokens, "token")}, ${number(supervisedTokens)} supervised (${percent(supervisedTokens, tokens)})`,
    evaluation === undefined
      ? "no evaluation data"
      : `evaluation on ${counted(evaluation.statistics.examples, "example")}` +
        (every === null
          ? "; training.eval_steps is not set"
          : every < plan.totalSteps
            ? ` every ${counted(every, "step")}`
            : " after the last step"),
  ];
}

function stepLines({ prepared, batches }: Rehearsal): readonly string[] {
  const { plan, config, replica } = prepared;
  const { global_batch_size: rows, micro_batch_size: micro } = config.training;
  const done = replica.step === 0 ? "" : `; ${number(replica.step)} are done`;
  return [
    `${number(plan.stepsPerEpoch)} per epoch, ${number(plan.totalSteps)} in all${done}`,
    `${counted(rows, "row")} per step, in shards of ${micro}`,
    `${number(batches.tokens)} tokens in all; ${percent(batches.paddingShare, 1)} of what is computed is padding`,
  ];
}

function scheduleText({ prepared: { config }, warmupSteps }: Rehearsal): string {
  const { learning_rate: rate, lr_scheduler_type: type } = config.training;
  return `${type}, learning_rate ${rate}, warm-up of ${counted(warmupSteps, "step")}`;
}

function memoryLines({ memory, machineMemory, prepared: { config } }: Rehearsal): readonly string[] {
  const all = config.workers * memory.worker + memory.coordinator;
  return [
    `at least ${formatBytes(memory.worker)} per worker: ${formatBytes(memory.weights)} of weights, ${formatBytes(memory.trained)} trained`,
    `${config.workers === 0 ? "" : `${formatBytes(all)} for all processes here; `}this machine has ${formatBytes(machineMemory)}`,
    "activations come on top: coxswain doctor run.yaml measures them",
  ];
}

function timeLines(run: Rehearsal): readonly string[] {
  const forecast = timeForecast(run);
  if (forecast !== null)
    return [
      `about ${formatDuration(forecast.seconds)} are left, by the last ${counted(forecast.steps, "step")} of metrics.jsonl`,
    ];
  return [
    "not known, since nothing was measured yet. coxswain doctor run.yaml",
    "measures tokens/s on this machine; training.max_steps: 10 with another",
    "output_dir trains ten steps on the cluster",
  ];
}
