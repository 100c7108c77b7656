/** Shows a sweep while it goes on: a table that is redrawn on a terminal; elsewhere, a line per change of a trial. */
import type { Entry, SweepStatus } from "../../sweep/index.js";
import { coloursFor, isTerminal } from "../terminal/colour.js";
import { LiveBlock } from "../terminal/live-block.js";
import { widthOf, type TerminalStream } from "../terminal/redraw.js";
import { metricText, settingText, sweepTable } from "./table.js";

export interface SweepView {
  /** @param status is called if it is drawn */
  show(status: () => SweepStatus): void;
  /** A trial has arrived at a rung. */
  arrived(entry: Entry, metric: SweepStatus["metric"]): void;
  /** A line that stays. */
  note(text: string): void;
  close(): void;
}

type Output = TerminalStream & { readonly isTTY?: boolean | undefined; readonly rows?: number | undefined };

/** Time between two drawings, ms. */
const interval = 200;

export const sweepView = (stream: Output): SweepView =>
  isTerminal(stream) ? new LiveTable(stream) : new Lines(stream);

class LiveTable implements SweepView {
  readonly #stream: Output;
  readonly #block: LiveBlock;
  #newest: (() => SweepStatus) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Output) {
    this.#stream = stream;
    this.#block = new LiveBlock(stream);
  }

  show(status: () => SweepStatus): void {
    this.#newest = status;
    this.#timer ??= setTimeout(() => this.#draw(), interval);
  }

  /** The table shows it. */
  arrived(): void {
    return;
  }

  note(text: string): void {
    this.#block.draw([]);
    this.#stream.write(`${text}\n`);
    this.#draw();
  }

  /** The final table is printed whole, after this. */
  close(): void {
    this.#draw();
    if (this.#newest?.().complete === true) this.#block.draw([]);
    this.#newest = undefined;
    clearTimeout(this.#timer);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#newest === undefined) return;
    const rows = Math.max(5, (this.#stream.rows ?? 24) - 2);
    this.#block.draw(
      sweepTable(this.#newest(), { colours: coloursFor(this.#stream), width: widthOf(this.#stream), rows }),
    );
  }
}

class Lines implements SweepView {
  readonly #stream: Output;
  /** What was printed of each trial. */
  readonly #begun = new Map<number, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Output) {
    this.#stream = stream;
  }

  show(status: () => SweepStatus): void {
    this.#timer ??= setTimeout(() => this.#print(status()), interval);
  }

  #print({ trials, rung, rungs }: SweepStatus): void {
    this.#timer = undefined;
    for (const { trial, state, settings } of trials) {
      if (state !== "training" && state !== "pruned") continue;
      const words = Object.entries(settings).map(([key, setting]) => `${key} ${settingText(setting)}`);
      const where = rungs.length > 1 ? ` (rung ${rung + 1} of ${rungs.length})` : "";
      const text = state === "pruned" ? "pruned: others are better" : `training${where}: ${words.join(", ")}`;
      if (this.#begun.get(trial) === text) continue;
      this.#begun.set(trial, text);
      this.note(`trial ${trial}: ${text}`);
    }
  }

  arrived(entry: Entry, metric: SweepStatus["metric"]): void {
    this.note(arrivalText(entry, metric));
  }

  note(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

function arrivalText(
  { trial, outcome, value, step, totalSteps, reason }: Entry,
  metric: SweepStatus["metric"],
): string {
  const measured = value === null ? "" : `, ${metric} ${metricText(value, metric)}`;
  const at = totalSteps === 0 ? "" : `${outcome === "reached" ? "" : " at"} step ${step} of ${totalSteps}`;
  return `trial ${trial}: ${outcome}${at}${measured}${reason === null ? "" : `: ${reason}`}`;
}
