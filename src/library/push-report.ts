/** What a published adapter's card says of its run: of the settings, those that others can use; no paths, no names. Pure. */
import { isAbsolute } from "node:path";
import type { RunConfig } from "../config/index.js";
import type { TrainingReport } from "../model/index.js";
import type { EvalLine, RunEvent, StepLine } from "../telemetry/index.js";

/**
 * @param config undefined for a run whose settings are not recorded
 * @param lines of `metrics.jsonl`
 */
export function reportOf(
  config: RunConfig | undefined,
  lines: readonly (StepLine | EvalLine)[],
  events: readonly RunEvent[],
): TrainingReport {
  const steps = lines.filter((line) => "loss" in line);
  const evaluations = lines.filter((line) => "eval_loss" in line);
  const sources = config === undefined ? [] : sourcesOf(config.data.train);
  const sum = (of: (line: StepLine) => number): number => steps.reduce((total, line) => total + of(line), 0);
  return {
    datasets: sources.flatMap((source) => datasetOf(source, events) ?? []),
    localSources: sources.filter((source) => datasetOf(source, events) === undefined).length,
    settings: config === undefined ? [] : settingsOf(config, steps.at(-1), events),
    steps: steps.map(({ step, epoch, loss, learning_rate: learningRate }) => ({ step, epoch, loss, learningRate })),
    evaluations: evaluations.map(({ step, eval_loss: loss }) => ({ step, loss })),
    tokens: sum((line) => line.tokens),
    supervisedTokens: sum((line) => line.supervised_tokens),
  };
}

const sourcesOf = (train: unknown): readonly unknown[] => (Array.isArray(train) ? train : [train]);

/** A data set of the hub; undefined for a file or folder of the machine. */
function datasetOf(source: unknown, events: readonly RunEvent[]): TrainingReport["datasets"][number] | undefined {
  const given = typeof source === "object" && source !== null ? source : { dataset: source };
  const text = (key: string): string | undefined => {
    const value: unknown = Reflect.get(given, key);
    return typeof value === "string" ? value : undefined;
  };
  const id = text("dataset");
  if (id === undefined || isAbsolute(id) || !/^[\w.-]+(?:\/[\w.-]+)?(?:@[\w./-]+)?$/.test(id)) return undefined;
  const commit = events.findLast((event) => event.event === "dataset_resolved" && event["dataset"] === id)?.["commit"];
  const facts = [
    ["configuration", text("config")],
    ["split", text("split")],
    ["revision", typeof commit === "string" ? commit : text("revision")],
  ] as const;
  const details = facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} \`${value}\``]));
  return { id: id.replace(/@.*$/, ""), details: details.join(", ") };
}

function settingsOf(
  { training, data, compute, seed }: RunConfig,
  last: StepLine | undefined,
  events: readonly RunEvent[],
): TrainingReport["settings"] {
  const chosen = events.findLast(({ event }) => event === "engine_chosen");
  const engine = chosen === undefined ? null : `${String(chosen["backend"])} on ${String(chosen["device"])}`;
  const rows: readonly (readonly [string, string | number | null])[] = [
    ["steps", last?.step ?? null],
    ["epochs", last === undefined ? null : Number(last.epoch.toPrecision(4))],
    ["rows per step", training.global_batch_size],
    ["learning rate", training.learning_rate],
    ["schedule", training.lr_scheduler_type],
    [
      "warm-up",
      training.warmup_steps === null ? `${training.warmup_ratio} of the steps` : `${training.warmup_steps} steps`,
    ],
    ["optimiser", `AdamW, beta ${training.adam_beta1} and ${training.adam_beta2}, epsilon ${training.adam_epsilon}`],
    ["weight decay", training.weight_decay],
    ["gradient clipping", training.max_grad_norm],
    ["longest example", `${data.max_length} tokens`],
    ["packing", String(data.packing)],
    ["chat template", data.chat_template === null ? "the model's" : "the run's own, in chat_template.jinja"],
    ["engine", engine],
    ["element type", compute.dtype],
    ["seed", seed],
  ];
  return rows.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
}
