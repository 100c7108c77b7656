/**
 * Progress on stderr, for commands whose result is on stdout: a live line on a terminal; elsewhere a line every few
 * seconds, so that short operations print nothing and a log shows that long ones continue.
 */
import { rarely } from "../../progress.js";
import type { Doing } from "../../progress.js";
import { coloursFor, isTerminal } from "./colour.js";
import { formatDuration } from "./progress-format.js";
import { createProgress } from "./progress.js";

export interface QuietProgress {
  /** Shows what is being done. */
  show(text: string): void;
  /** Shows the progress; may be called at any rate. */
  doing(doing: Doing): void;
  /** Removes the line. Later calls do nothing. */
  close(): void;
}

export interface QuietProgressOptions {
  readonly stream?: { write(text: string): unknown; readonly isTTY?: boolean | undefined };
  /** Monotonic, ms. */
  readonly now?: () => number;
}

export function quietProgress({
  stream = process.stderr,
  now = () => performance.now(),
}: QuietProgressOptions = {}): QuietProgress {
  return isTerminal(stream) ? new LiveProgress(stream, now) : new SteadyProgress(stream, now);
}

class LiveProgress implements QuietProgress {
  readonly #progress: ReturnType<typeof createProgress>;
  readonly doing: (doing: Doing) => void;

  constructor(stream: NonNullable<QuietProgressOptions["stream"]>, now: () => number) {
    this.#progress = createProgress({ stream, now });
    this.doing = rarely({ tell: (text) => this.show(text), immediately: true, now });
  }

  show(text: string): void {
    this.#progress.waiting(text);
  }

  close(): void {
    this.#progress.close();
  }
}

/** Time between two lines, ms. */
const interval = 5_000;

class SteadyProgress implements QuietProgress {
  readonly #stream: NonNullable<QuietProgressOptions["stream"]>;
  readonly #start: number;
  readonly #now: () => number;
  readonly #ticker: NodeJS.Timeout;
  readonly doing: (doing: Doing) => void;
  #text = "";
  #saidAt: number;

  constructor(stream: NonNullable<QuietProgressOptions["stream"]>, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#start = now();
    this.#saidAt = this.#start;
    this.doing = rarely({ tell: (text) => this.show(text), immediately: true, now });
    // Also without news: the elapsed time is news.
    this.#ticker = setInterval(() => this.#say(), interval).unref();
  }

  show(text: string): void {
    this.#text = text;
    // The timer does not fire during a synchronous computation.
    if (this.#now() - this.#saidAt >= interval) this.#say();
  }

  close(): void {
    clearInterval(this.#ticker);
    this.#text = "";
  }

  #say(): void {
    if (this.#text === "") return;
    this.#saidAt = this.#now();
    this.#stream.write(`${this.#text}, ${formatDuration((this.#saidAt - this.#start) / 1000)} so far\n`);
  }
}

/** Prints a note for the user on stderr. */
export function warn(text: string): void {
  process.stderr.write(`${coloursFor(process.stderr).yellow("note:")} ${text}\n`);
}

export interface ProgressWithNotes {
  readonly show: (text: string) => void;
  readonly note: (text: string) => void;
  readonly close: () => void;
}

/** Quiet progress, and notes as lines of their own between two stretches of it. */
export function progressWithNotes(): ProgressWithNotes {
  let progress = quietProgress();
  return {
    show: (text) => progress.show(text),
    note: (text) => {
      progress.close();
      warn(text);
      progress = quietProgress();
    },
    close: () => progress.close(),
  };
}
