/** The dashboard "training": how well a run learns, and when it will be done. */
import { BigValueColorMode } from "@grafana/grafana-foundation-sdk/common";
import { MappingType } from "@grafana/grafana-foundation-sdk/dashboard";
import * as units from "@grafana/grafana-foundation-sdk/units";
import { dashboard, type Dashboard, type Row } from "./layout.js";
import { bars, chart, figure, thresholds } from "./panels.js";
import { gauge, meanSeconds, quantileSeconds, rate } from "./queries.js";

/** Of the window's steps; where none ended in it, of all since the coordinator started. */
const secondsPerStep = (() => {
  const of = (suffix: string): string => gauge(`coxswain_step_duration_seconds_${suffix}{phase="total"}`);
  return `(${meanSeconds("total")} or ${of("sum")} / ${of("count")})`;
})();

const stepsLeft = `(${gauge("coxswain_steps_total_planned")} - ${gauge("coxswain_step")})`;

const outcome = (name: string): string => gauge(`coxswain_run_outcome{outcome="${name}"}`);

/** One number for each of the states below. */
const state = `${gauge("coxswain_paused")} + 2 * ${outcome("completed")} + 4 * ${outcome("stopped")} + 8 * ${outcome("failed")}`;

const states = {
  "0": { text: "under way", color: "green", index: 0 },
  "1": { text: "paused", color: "yellow", index: 1 },
  "2": { text: "completed", color: "blue", index: 2 },
  "4": { text: "stopped", color: "orange", index: 3 },
  "8": { text: "failed", color: "red", index: 4 },
};

const now: Row = {
  title: "Now",
  panels: [
    bars({
      title: "Progress",
      description: "Committed steps as a share of the total.",
      unit: units.PercentUnit,
      span: 6,
      queries: [{ expr: `${gauge("coxswain_step")} / ${gauge("coxswain_steps_total_planned")}`, legend: "{{run}}" }],
    })
      .height(4)
      .min(0)
      .max(1)
      .thresholds(thresholds("blue", [1, "green"])),
    figure({
      title: "State",
      description: "Running (training, or waiting for workers), paused, or the outcome.",
      unit: units.NoUnit,
      span: 3,
      queries: [{ expr: state, legend: "{{run}}" }],
    })
      .mappings([{ type: MappingType.ValueToText, options: states }])
      .colorMode(BigValueColorMode.Value),
    figure({
      title: "Time left",
      description: "Remaining steps times the mean step time in the window, without evaluations and pauses.",
      unit: units.Seconds,
      span: 3,
      queries: [{ expr: `${stepsLeft} * ${secondsPerStep}`, legend: "{{run}}" }],
    }),
    figure({
      title: "Training loss",
      description: "Of the newest step: nats per supervised token, mean over the global batch.",
      unit: units.NoUnit,
      span: 4,
      queries: [{ expr: gauge("coxswain_loss"), legend: "{{run}}" }],
    }).decimals(4),
    figure({
      title: "Evaluation loss",
      description: "Of the newest evaluation: nats per supervised token. Requires data.eval in the run file.",
      unit: units.NoUnit,
      span: 4,
      queries: [{ expr: gauge("coxswain_eval_loss"), legend: "{{run}}" }],
    }).decimals(4),
    figure({
      title: "Last commit",
      description: "Time since the last commit. Several times the step time: the run stands still.",
      unit: units.Seconds,
      span: 4,
      queries: [{ expr: `time() - ${gauge("coxswain_last_commit_timestamp_seconds")}`, legend: "{{run}}" }],
    }),
  ],
};

const learning: Row = {
  title: "Learning",
  panels: [
    chart({
      title: "Loss",
      description:
        "Nats a supervised token. Training: each step's global batch, so it jumps with the data. Evaluation: the " +
        "same examples each time; where it rises while training falls, the run overfits.",
      unit: units.NoUnit,
      span: 12,
      queries: [
        { expr: gauge("coxswain_loss"), legend: "{{run}} training" },
        { expr: gauge("coxswain_eval_loss"), legend: "{{run}} evaluation" },
      ],
    }).decimals(4),
    chart({
      title: "Gradient norm",
      description:
        "Of the mean gradient, before clipping to training.max_grad_norm. Growing spikes come before a run diverges: " +
        "lower the learning rate or lengthen the warm-up.",
      unit: units.NoUnit,
      span: 12,
      min: 0,
      queries: [{ expr: gauge("coxswain_grad_norm"), legend: "{{run}}" }],
    }).decimals(3),
    chart({
      title: "Learning rate",
      description: "Of the newest step: warm-up, then the schedule of training.lr_scheduler_type.",
      unit: units.ScientificNotation,
      span: 12,
      min: 0,
      queries: [{ expr: gauge("coxswain_learning_rate"), legend: "{{run}}" }],
    }),
    chart({
      title: "Epochs",
      description: "Epochs trained, fractional.",
      unit: units.NoUnit,
      span: 12,
      min: 0,
      queries: [{ expr: gauge("coxswain_epoch"), legend: "{{run}}" }],
    }).decimals(2),
  ],
};

const evaluations: Row = {
  title: "Evaluation",
  panels: [
    chart({
      title: "Exact match",
      description:
        "Share of the evaluation set's answers that equal the expected ones, character by character. Requires " +
        "training.predict_with_generate in the run file.",
      unit: units.PercentUnit,
      span: 12,
      min: 0,
      queries: [{ expr: gauge("coxswain_eval_exact_match"), legend: "{{run}}" }],
    }),
    figure({
      title: "Best evaluation",
      description: "The best value so far of training.metric_for_best_model.",
      unit: units.NoUnit,
      span: 6,
      queries: [{ expr: gauge("coxswain_best_metric"), legend: "{{run}} {{metric}}" }],
    })
      .height(8)
      .decimals(4),
    figure({
      title: "Best step",
      description: "The step of the best evaluation; its checkpoint is kept.",
      unit: units.NoUnit,
      span: 6,
      queries: [{ expr: gauge("coxswain_best_step"), legend: "{{run}}" }],
    }).height(8),
  ],
};

const speed: Row = {
  title: "Speed",
  panels: [
    chart({
      title: "Tokens per second",
      description:
        "Of committed steps, all workers together. All: without padding. Supervised: those that the loss counts, " +
        "which are what the run learns from.",
      unit: units.Short,
      span: 12,
      min: 0,
      queries: [{ expr: rate("coxswain_tokens_total", "kind"), legend: "{{run}} {{kind}}" }],
    }),
    chart({
      title: "Step time",
      description: "From commit to commit, over the window. The Cluster dashboard shows where the time goes.",
      unit: units.Seconds,
      span: 12,
      min: 0,
      queries: [
        { expr: meanSeconds("total"), legend: "{{run}} mean" },
        { expr: quantileSeconds(0.95, "total"), legend: "{{run}} 95 % are below" },
      ],
    }),
  ],
};

export const training = (): Dashboard =>
  dashboard({
    title: "Coxswain / Training",
    description: "Training progress and remaining time.",
    uid: "coxswain-training",
    rows: [now, learning, evaluations, speed],
  });
