/**
 * `telemetry.tensorboard`: a run's figures as TensorBoard's event files, by the names that transformers gives them. If they
 * cannot be written, training continues.
 */
import { messageOf } from "../../errors.js";
import type { EvalLine, StepLine } from "../../telemetry/index.js";
import type { Exporter, ExporterTrouble } from "../exporter.js";
import { EventFile } from "./event-file.js";
import { eventRecord, type EventContent } from "./records.js";

export interface TensorBoardOptions {
  readonly folder: string;
  /** The step that the run continues from; 0 at the beginning. */
  readonly step: number;
  /** The run's settings, YAML. */
  readonly settings: string;
  /** Lines of `metrics.jsonl` so far: written if the folder has no event files yet. */
  readonly past: () => readonly (StepLine | EvalLine)[];
  /** Wall clock, ms. */
  readonly wallClock: () => number;
}

export class TensorBoardExporter implements Exporter {
  readonly #options: TensorBoardOptions;
  readonly #file: EventFile;
  #report: (trouble: ExporterTrouble) => void = () => undefined;
  #lost = 0;
  #isTold = false;

  /** @throws CoxswainError "storage" if no file can be created */
  constructor(options: TensorBoardOptions) {
    this.#options = options;
    this.#file = new EventFile(options.folder, options.wallClock() / 1000);
  }

  begin(report: (trouble: ExporterTrouble) => void): void {
    this.#report = report;
    const { step, settings, past } = this.#options;
    this.#write(0, { kind: "version" });
    if (this.#file.isContinued) {
      this.rewound(step);
      return;
    }
    this.#write(0, { kind: "text", tag: "args/text_summary", text: indented(settings) });
    for (const line of past()) this.#line(line);
  }

  step(line: StepLine): void {
    this.#line(line);
  }

  evaluation(line: EvalLine): void {
    this.#line(line);
  }

  event(): void {
    // Curves alone.
  }

  /** As SummaryWriter's `purge_step`: TensorBoard forgets what it has from the next step on. */
  rewound(step: number): void {
    this.#write(step + 1, { kind: "restart" });
  }

  close(): Promise<void> {
    this.#file.close();
    if (this.#lost > 0) this.#report({ exporter, reason: `${this.#lost} records could not be written` });
    return Promise.resolve();
  }

  #line({ step, ...figures }: StepLine | EvalLine): void {
    this.#write(step, { kind: "scalars", scalars: scalarsOf(figures) });
  }

  #write(step: number, content: EventContent): void {
    try {
      this.#file.append(eventRecord(this.#options.wallClock() / 1000, step, content));
    } catch (error) {
      this.#lost++;
      if (!this.#isTold)
        this.#report({ exporter, reason: `${this.#file.path} cannot be written: ${messageOf(error)}` });
      this.#isTold = true;
    }
  }
}

const exporter = "telemetry.tensorboard";

/** Figures of the training steps that are curves. */
const stepFigures: ReadonlySet<string> = new Set(["loss", "grad_norm", "learning_rate", "epoch", "tokens_per_second"]);

/** `loss` is `train/loss`, `eval_loss` is `eval/loss`, as in transformers. */
export function scalarsOf(figures: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]): [string, number][] => {
      if (typeof value !== "number") return [];
      if (name.startsWith("eval_")) return [[`eval/${name.slice("eval_".length)}`, value]];
      return stepFigures.has(name) ? [[`train/${name}`, value]] : [];
    }),
  );
}

/** A block of code in Markdown. */
const indented = (text: string): string => text.replaceAll(/^/gm, "    ");
