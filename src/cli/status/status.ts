/** The work of `coxswain status`: prints the status once or until the run ends, as a table, as log lines or as JSON. */
import { pause } from "../../async/index.js";
import type { RunStatus } from "../../control/index.js";
import type { CoxswainError } from "../../errors.js";
import { coloursFor, isTerminal, supportsUnicode } from "../terminal/colour.js";
import { LiveBlock } from "../terminal/live-block.js";
import { cut } from "../terminal/progress-line.js";
import { warn } from "../terminal/quiet-progress.js";
import { reachRun, withRun } from "../control/connect.js";
import { recordedRun } from "./recorded-run.js";
import { statusLine } from "./line.js";
import { statusTable } from "./table.js";
import { summaryText } from "./summary.js";
import { watchRun } from "./watch-run.js";
import type { ControlFlags } from "../options/control.js";

export interface StatusFlags extends ControlFlags {
  readonly watch?: true;
}

export async function showStatus(run: string | undefined, flags: StatusFlags): Promise<void> {
  const shown = { any: false };
  try {
    if (flags.watch === true) await watch(run, flags, () => (shown.any = true));
    else await once(run, flags);
  } catch (error) {
    const recorded = shown.any ? undefined : await recordedRun(run, flags, error);
    if (recorded === undefined) throw error;
    const { summary, note } = recorded;
    if (note !== undefined) warn(note);
    const text =
      flags.json === true
        ? JSON.stringify(summary, undefined, flags.watch === true ? undefined : 2)
        : summaryText(summary, coloursFor(process.stdout), Date.now());
    process.stdout.write(`${text}\n`);
  }
}

async function once(run: string | undefined, flags: StatusFlags): Promise<void> {
  await withRun(run, flags, async (remote) => {
    const status = await remote.status();
    const text = flags.json === true ? JSON.stringify(status, undefined, 2) : tableOf(status).join("\n");
    process.stdout.write(`${text}\n`);
  });
}

/** @param onShown called whenever a status has arrived */
async function watch(run: string | undefined, flags: StatusFlags, onShown: () => void): Promise<void> {
  const isPlain = flags.json === true || !isTerminal(process.stdout);
  const display = isPlain
    ? new Lines(flags.json === true ? JSON.stringify : (status) => statusLine(status))
    : new Table();
  const statuses = watchRun({
    reach: () => reachRun(run, flags),
    onLost: (error) => display.lost(error),
    now: () => performance.now(),
    pause,
  });
  try {
    for await (const status of statuses) {
      onShown();
      display.show(status);
    }
  } finally {
    display.close();
  }
}

/** Leaves the last column free: some terminals wrap as soon as it is filled. Some report a width of 0. */
const width = (): number => (process.stdout.isTTY ? (process.stdout.columns || 80) - 1 : Number.POSITIVE_INFINITY);

const tableOf = (status: RunStatus, rows = Number.POSITIVE_INFINITY): readonly string[] =>
  statusTable(status, {
    width: width(),
    rows,
    colours: coloursFor(process.stdout),
    unicode: supportsUnicode(),
    now: Date.now(),
  });

interface Display {
  show(status: RunStatus): void;
  lost(error: CoxswainError): void;
  close(): void;
}

const looking = (error: CoxswainError): string => `lost the coordinator; reconnecting: ${error.message}`;

/** Prints a line for every status that differs from the previous one; other messages are written to stderr. */
class Lines implements Display {
  readonly #lineOf: (status: RunStatus) => string;
  #before = "";
  #isLost = false;

  constructor(lineOf: (status: RunStatus) => string) {
    this.#lineOf = lineOf;
  }

  show(status: RunStatus): void {
    this.#isLost = false;
    const line = this.#lineOf(status);
    if (line !== this.#before) process.stdout.write(`${line}\n`);
    this.#before = line;
  }

  lost(error: CoxswainError): void {
    if (!this.#isLost) warn(looking(error));
    this.#isLost = true;
  }

  close(): void {
    // Nothing to release.
  }
}

/** Interval between redraws without a new status, ms: the table shows elapsed times. */
const redrawInterval = 1_000;

/** A table that is redrawn in place. */
class Table implements Display {
  readonly #block = new LiveBlock(process.stdout);
  readonly #draw = (): void => {
    if (this.#shown === undefined) return;
    const note = this.#lost === undefined ? [] : [coloursFor(process.stdout).yellow(cut(looking(this.#lost), width()))];
    const rows = (process.stdout.rows || 24) - 1 - note.length;
    this.#block.draw([...tableOf(this.#shown, rows), ...note]);
  };
  readonly #ticker = setInterval(this.#draw, redrawInterval);
  #shown: RunStatus | undefined;
  #lost: CoxswainError | undefined;

  constructor() {
    process.stdout.on("resize", this.#draw);
  }

  show(status: RunStatus): void {
    this.#shown = status;
    this.#lost = undefined;
    this.#draw();
  }

  lost(error: CoxswainError): void {
    this.#lost = error;
    this.#draw();
  }

  close(): void {
    clearInterval(this.#ticker);
    process.stdout.off("resize", this.#draw);
  }
}
