/** What a model card says of a finished training run: data, settings, the curve, evaluations, as Markdown. Pure. */
import { cell } from "./markdown.js";

/** A step of the training curve. */
export interface CurveStep {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
}

export interface TrainingReport {
  /** Data sets of the hub. */
  readonly datasets: readonly { readonly id: string; readonly details: string }[];
  /** Number of files or folders of the machine that trained, which nobody else knows. */
  readonly localSources: number;
  /** Rows of a table: "learning rate": 1e-4 … */
  readonly settings: readonly (readonly [name: string, value: string | number])[];
  readonly steps: readonly CurveStep[];
  readonly evaluations: readonly { readonly step: number; readonly loss: number }[];
  /** The step of the adapter's state. Default: the last one. */
  readonly adapterStep?: number | undefined;
  /** Without padding, of all steps. */
  readonly tokens: number;
  readonly supervisedTokens: number;
}

/** Rows of a table at most: a longer curve is averaged over spans of steps. */
const mostRows = 20;

/** The sections of the card. */
export function trainingSections(report: TrainingReport): string {
  const { settings, steps, evaluations } = report;
  return [
    ...["## Training data", "", ...dataLines(report), ""],
    ...["## Training settings", "", ...table(["setting", "value"], settings), ""],
    ...(steps.length === 0 ? [] : ["## Training curve", "", ...curveLines(steps), ""]),
    ...(evaluations.length === 0 ? [] : ["## Evaluation", "", ...evaluationLines(report), ""]),
  ].join("\n");
}

function dataLines({ datasets, localSources, tokens, supervisedTokens }: TrainingReport): string[] {
  const local =
    localSources === 0 ? [] : [`- ${localSources} local ${localSources === 1 ? "source" : "sources"}, not published`];
  const count = (value: number): string => value.toLocaleString("en");
  return [
    ...datasets.map(
      ({ id, details }) =>
        `- [\`${id}\`](https://huggingface.co/datasets/${id})${details === "" ? "" : `, ${details}`}`,
    ),
    ...local,
    "",
    `Trained on ${count(tokens)} tokens, ${count(supervisedTokens)} of them supervised.`,
  ];
}

function curveLines(steps: readonly CurveStep[]): string[] {
  const size = Math.ceil(steps.length / mostRows);
  const rows = Array.from({ length: Math.ceil(steps.length / size) }, (_, index) => {
    const span = steps.slice(index * size, (index + 1) * size);
    const last = span.at(-1);
    const mean = span.reduce((sum, { loss }) => sum + loss, 0) / span.length;
    return [last?.step ?? 0, figure(last?.epoch ?? 0), figure(mean), figure(last?.learningRate ?? 0)] as const;
  });
  const note = size === 1 ? [] : ["", `The loss is the mean of up to ${size} steps, up to the one named.`];
  return [...table(["step", "epoch", "loss", "learning rate"], rows), ...note];
}

/** Evenly chosen, with the first and the last. */
function evaluationLines({ evaluations, adapterStep }: TrainingReport): string[] {
  const shown = Math.min(evaluations.length, mostRows);
  const chosen = Array.from({ length: shown }, (_, index) =>
    shown === 1 ? 0 : Math.round((index * (evaluations.length - 1)) / (shown - 1)),
  ).flatMap((index) => evaluations[index] ?? []);
  const best = evaluations.reduce((least, each) => (each.loss < least.loss ? each : least));
  return [
    ...table(
      ["step", "evaluation loss", "perplexity"],
      chosen.map(({ step, loss }) => [step, figure(loss), figure(Math.exp(loss))]),
    ),
    "",
    `The lowest is ${figure(best.loss)}, at step ${best.step}; the adapter is that of ${adapterStep === undefined ? "the last step" : `step ${adapterStep}`}.`,
  ];
}

const figure = (value: number): string => String(Number(value.toPrecision(4)));

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] => [
  `| ${head.join(" | ")} |`,
  `| ${head.map(() => "---").join(" | ")} |`,
  ...rows.map((row) => `| ${row.map((value) => cell(String(value))).join(" | ")} |`),
];
