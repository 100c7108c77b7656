/**
 * Progress of a run: one live line on a terminal, plain lines elsewhere. Independent of training.
 */
import type { StepView } from "../../telemetry/index.js";
import { coloursFor, isTerminal, supportsUnicode, type Colours } from "./colour.js";
import { eraseLine, widthOf, type TerminalStream } from "./redraw.js";
import { liveLine, plainLine, waitingLine, type LineStyle } from "./progress-line.js";

export interface Progress {
  /**
   * A step was committed. On a terminal the live line changes (at most ten times per second); elsewhere a line is printed
   * for each logged step, and at the end for the last step.
   */
  step(step: StepView, logged?: boolean): void;
  /** Prints a permanent message: a worker that joined, a checkpoint. May have several lines. */
  note(text: string): void;
  /** Why nothing is being computed, in a few words; undefined when that is over. */
  waiting(reason: string | undefined): void;
  /** Keeps the last line and moves the cursor below it. Later calls do nothing. */
  close(): void;
}

export interface ProgressOptions {
  readonly stream: TerminalStream & { readonly isTTY?: boolean | undefined };
  /** Default: from the stream; a "dumb" terminal does not count. */
  readonly isTTY?: boolean;
  /** Monotonic, ms. */
  readonly now?: () => number;
  /** Columns of the terminal; called at every redraw. Default: the stream's, else 80. */
  readonly columns?: () => number;
  /** Default: by NO_COLOR, FORCE_COLOR and the stream. */
  readonly colours?: Colours;
  /** Whether the terminal supports characters beyond ASCII. Default: by the locale. */
  readonly unicode?: boolean;
}

export function createProgress(options: ProgressOptions): Progress {
  const isTTY = options.isTTY ?? isTerminal(options.stream);
  return isTTY ? new TerminalProgress(options) : new PlainProgress(options);
}

/** Minimum time between redraws, ms. */
const redrawInterval = 100;
/** Interval, ms, at which the remaining time and the spinner are updated between steps. */
const tickInterval = 250;

/** Columns to leave free at the end, so that the terminal's "^C" for Ctrl-C does not wrap the line. */
const spare = { from: 24, columns: 5 } as const;

/**
 * The line is redrawn in place. The cursor stays visible at its end, so that the terminal is intact however the process
 * ends.
 */
class TerminalProgress implements Progress {
  readonly #stream: ProgressOptions["stream"];
  readonly #now: () => number;
  readonly #columns: () => number;
  readonly #colours: Colours;
  readonly #unicode: boolean;
  #step: { readonly shown: StepView; readonly at: number } | undefined;
  #waiting: { readonly reason: string; readonly since: number } | undefined;
  #drawn = "";
  #drawnAt = Number.NEGATIVE_INFINITY;
  #ticks = 0;
  #ticker: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #onResize = (): void => this.#draw(true);

  constructor({ stream, now, columns, colours, unicode }: ProgressOptions) {
    this.#stream = stream;
    this.#now = now ?? (() => performance.now());
    this.#columns = columns ?? (() => widthOf(stream));
    this.#colours = colours ?? coloursFor(stream);
    this.#unicode = unicode ?? supportsUnicode();
    stream.on?.("resize", this.#onResize);
  }

  step(step: StepView): void {
    if (this.#closed) return;
    this.#step = { shown: step, at: this.#now() };
    this.#draw();
  }

  note(text: string): void {
    if (this.#closed) return;
    const erased = this.#erase();
    // Formatted again: the window may be narrower than before.
    if (this.#drawn !== "") this.#drawn = this.#line(this.#now());
    this.#stream.write(`${erased}${text}\n${this.#drawn}`);
  }

  waiting(reason: string | undefined): void {
    if (this.#closed || reason === this.#waiting?.reason) return;
    // The time counts from the start of the wait, not from the last change of the reason.
    const since = this.#waiting?.since ?? this.#now();
    this.#waiting = reason === undefined ? undefined : { reason, since };
    this.#draw();
  }

  close(): void {
    if (this.#closed) return;
    this.#waiting = undefined;
    this.#draw(true);
    this.#closed = true;
    clearInterval(this.#ticker);
    this.#stream.off?.("resize", this.#onResize);
    if (this.#drawn !== "") this.#stream.write("\n");
  }

  #draw(always = false): void {
    const now = this.#now();
    this.#ticker ??= setInterval(() => this.#tick(), tickInterval).unref();
    if (!always && now - this.#drawnAt < redrawInterval) return;
    const line = this.#line(now);
    if (line === this.#drawn) return;
    this.#stream.write(this.#erase() + line);
    this.#drawn = line;
    this.#drawnAt = now;
  }

  #erase(): string {
    return this.#drawn === "" ? "" : eraseLine(this.#drawn, this.#columns());
  }

  #tick(): void {
    this.#ticks++;
    this.#draw();
  }

  #line(now: number): string {
    const columns = this.#columns();
    // Leaves the last column free: some terminals wrap as soon as it is filled.
    const width = columns - (columns >= spare.from ? spare.columns : 1);
    const style: LineStyle = { width, colours: this.#colours, unicode: this.#unicode };
    if (this.#waiting !== undefined) {
      return waitingLine(this.#waiting.reason, (now - this.#waiting.since) / 1000, this.#ticks, style);
    }
    if (this.#step === undefined) return "";
    const { shown, at } = this.#step;
    return liveLine({ ...shown, remainingSeconds: Math.max(0, shown.remainingSeconds - (now - at) / 1000) }, style);
  }
}

/** Minimum time between two waiting messages that differ only in their numbers, ms. */
const waitingInterval = 5_000;

/** Prints one line per call, for files and pipes. */
class PlainProgress implements Progress {
  readonly #stream: ProgressOptions["stream"];
  readonly #now: () => number;
  #said = { what: "", at: 0 };
  /** The newest step, if it was not logged. */
  #unsaid: StepView | undefined;
  #closed = false;

  constructor({ stream, now }: ProgressOptions) {
    this.#stream = stream;
    this.#now = now ?? (() => performance.now());
  }

  step(step: StepView, logged = true): void {
    this.#unsaid = logged ? undefined : step;
    if (logged) this.note(plainLine(step));
  }

  note(text: string): void {
    if (!this.#closed) this.#stream.write(`${text}\n`);
  }

  /** Compares messages without their numbers: "tokenised 100 of 900 examples" would fill a log. */
  waiting(reason: string | undefined): void {
    const what = (reason ?? "").replaceAll(/\d[\d,.]*/g, "#");
    const now = this.#now();
    if (reason !== undefined && (what !== this.#said.what || now - this.#said.at >= waitingInterval)) {
      this.note(reason);
      this.#said = { what, at: now };
    }
    if (reason === undefined) this.#said = { what: "", at: now };
  }

  close(): void {
    if (this.#unsaid !== undefined) this.note(plainLine(this.#unsaid));
    this.#closed = true;
  }
}
