/**
 * Progress of a run: one live line on a terminal, plain lines elsewhere. Knows nothing of training; what it shows is
 * given to it.
 */
import type { StepView } from "../coordinator/index.js";
import { coloursFor, isTerminal, supportsUnicode, type Colours } from "./colour.js";
import { liveLine, plainLine, waitingLine, type LineStyle } from "./progress-line.js";

export interface Progress {
  /** A step is committed. On a terminal the live line changes (at most ten times a second); elsewhere a line is printed. */
  step(step: StepView): void;
  /** Something that stays to be read: a worker that joined, a checkpoint. May have several lines. */
  note(text: string): void;
  /** Why nothing is computed, in a few words; undefined when that is over. */
  waiting(reason: string | undefined): void;
  /** Leaves the last line standing and the cursor below it. Later calls do nothing. */
  close(): void;
}

export interface ProgressOptions {
  readonly stream: {
    write(text: string): unknown;
    readonly isTTY?: boolean | undefined;
    readonly columns?: number | undefined;
  };
  /** Default: what the stream says; a "dumb" terminal is none. */
  readonly isTTY?: boolean;
  /** Monotonic, ms. */
  readonly now?: () => number;
  /** Columns of the terminal; asked at every redraw. Default: the stream's, else 80. */
  readonly columns?: () => number;
  /** Default: by NO_COLOR, FORCE_COLOR and the stream. */
  readonly colours?: Colours;
  /** Whether characters beyond ASCII are shown. Default: by the locale. */
  readonly unicode?: boolean;
}

export function createProgress(options: ProgressOptions): Progress {
  const isTTY = options.isTTY ?? isTerminal(options.stream);
  return isTTY ? new TerminalProgress(options) : new PlainProgress(options);
}

/** Ten redraws a second at most. */
const redrawInterval = 100;
/** The time left counts down, and the spinner turns, between steps. */
const tickInterval = 250;

const clearLine = "\r\u001b[K";

/**
 * The line is rewritten in place and the cursor left at its end, visible: whatever ends the process, the terminal needs
 * no repair.
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

  constructor({ stream, now, columns, colours, unicode }: ProgressOptions) {
    this.#stream = stream;
    this.#now = now ?? (() => performance.now());
    this.#columns = columns ?? (() => stream.columns ?? 80);
    this.#colours = colours ?? coloursFor(stream);
    this.#unicode = unicode ?? supportsUnicode();
  }

  step(step: StepView): void {
    if (this.#closed) return;
    this.#step = { shown: step, at: this.#now() };
    this.#draw();
  }

  note(text: string): void {
    if (this.#closed) return;
    this.#stream.write(`${this.#drawn === "" ? "" : clearLine}${text}\n${this.#drawn}`);
  }

  waiting(reason: string | undefined): void {
    if (this.#closed || reason === this.#waiting?.reason) return;
    // The time counts from when it began to wait, not from the last word about it.
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
    if (this.#drawn !== "") this.#stream.write("\n");
  }

  #draw(always = false): void {
    const now = this.#now();
    this.#ticker ??= setInterval(() => this.#tick(), tickInterval).unref();
    if (!always && now - this.#drawnAt < redrawInterval) return;
    const line = this.#line(now);
    if (line === this.#drawn) return;
    this.#stream.write(clearLine + line);
    this.#drawn = line;
    this.#drawnAt = now;
  }

  #tick(): void {
    this.#ticks++;
    this.#draw();
  }

  #line(now: number): string {
    // Not the last column: some terminals wrap as soon as it is filled.
    const style: LineStyle = { width: this.#columns() - 1, colours: this.#colours, unicode: this.#unicode };
    if (this.#waiting !== undefined) {
      return waitingLine(this.#waiting.reason, (now - this.#waiting.since) / 1000, this.#ticks, style);
    }
    if (this.#step === undefined) return "";
    const { shown, at } = this.#step;
    return liveLine({ ...shown, remainingSeconds: Math.max(0, shown.remainingSeconds - (now - at) / 1000) }, style);
  }
}

/** The least time between two words on waiting that differ in their numbers alone, ms. */
const waitingInterval = 10_000;

/** A line a call, for files and pipes. */
class PlainProgress implements Progress {
  readonly #stream: ProgressOptions["stream"];
  readonly #now: () => number;
  #said = { what: "", at: 0 };
  #closed = false;

  constructor({ stream, now }: ProgressOptions) {
    this.#stream = stream;
    this.#now = now ?? (() => performance.now());
  }

  step(step: StepView): void {
    this.note(plainLine(step));
  }

  note(text: string): void {
    if (!this.#closed) this.#stream.write(`${text}\n`);
  }

  /** "tokenised 100 of 900 examples" would fill a log: such lines are told apart by their words. */
  waiting(reason: string | undefined): void {
    const what = (reason ?? "").replaceAll(/\d+/g, "#");
    const now = this.#now();
    if (reason !== undefined && (what !== this.#said.what || now - this.#said.at >= waitingInterval)) {
      this.note(reason);
      this.#said = { what, at: now };
    }
    if (reason === undefined) this.#said = { what: "", at: now };
  }

  close(): void {
    this.#closed = true;
  }
}
