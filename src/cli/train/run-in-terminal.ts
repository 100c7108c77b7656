/**
 * Executes a run in a terminal: shows its progress, and stops it after the step in flight on Ctrl-C and similar signals.
 * The caller reports how it ended.
 */
import { hostname } from "node:os";
import { detach } from "../../async/index.js";
import type { LoadedRun } from "../../config/index.js";
import { openRun } from "../../library/index.js";
import type { FinishedRun, OpenRun, OpenRunOptions } from "../../library/index.js";
import { onInterruption } from "../process/interruption.js";
import type { Interruption } from "../process/interruption.js";
import type { OutputName } from "../process/output-loss.js";
import { thisProgram } from "../process/this-program.js";
import { createProgress } from "../terminal/progress.js";
import { sayTo } from "../terminal/say.js";
import { leaveNow } from "./leave-now.js";
import { missingWorkers, workersAsked } from "./missing-workers.js";

export type TerminalRunOptions = Omit<OpenRunOptions, "signal" | "view" | "onListening" | "onOver">;

export interface TerminalRun extends FinishedRun {
  /** What requested its end, as in `Interrupt`. */
  readonly cause: string | undefined;
  /** An output that can still be written; undefined if there is none. */
  readonly output: OutputName | undefined;
}

/** @throws what `openRun` throws; the result says how a run that was started ended */
export async function runInTerminal(loaded: LoadedRun, options: TerminalRunOptions): Promise<TerminalRun> {
  const { config } = loaded;
  const view = createProgress({ stream: process.stdout });
  const stopping = new AbortController();
  let opened: OpenRun | undefined;
  let over = false;
  const interruption = onInterruption(({ times, cause }) => {
    if (over) {
      if (opened !== undefined) detach(opened.run.close(), () => undefined);
      return;
    }
    const say = sayTo(() => outputOf(interruption));
    const immediately = opened === undefined || times > 1;
    // Nothing more can be written to a lost output.
    if (immediately || interruption.lost("stdout")) view.close();
    if (immediately) {
      detach(leaveNow({ times, cause, pids: opened?.workerPids() ?? [], config, say }), () => process.exit(130));
      return;
    }
    const text = `${cause}: finishing and saving this step first (Ctrl-C again stops immediately)`;
    if (interruption.lost("stdout")) say(text);
    else view.note(text);
    stopping.abort();
  });
  try {
    opened = await openRun(loaded, {
      ...options,
      signal: stopping.signal,
      view,
      // Printed early: reading the data may take minutes.
      onListening: (address) => {
        const missing = missingWorkers(
          workersAsked(config, {
            localWorkers: options.localWorkers,
            address,
            host: hostname(),
            program: thisProgram(),
          }),
        );
        if (missing !== undefined) view.note(missing);
      },
      onOver: (finished, lingers) => {
        over = true;
        if (lingers === undefined) return;
        const until =
          lingers === "stay"
            ? "waiting for SIGTERM"
            : "waiting for one more scrape of /metrics (Ctrl-C exits immediately)";
        view.note(`${ending(finished)}; ${until}`);
      },
    });
    const finished = await opened.finished;
    view.close();
    return { ...finished, cause: interruption.cause, output: outputOf(interruption) };
  } finally {
    interruption.close();
    view.close();
  }
}

const ending = ({ outcome, step }: FinishedRun): string =>
  outcome.kind === "failed"
    ? `the run failed: ${outcome.error.message}`
    : `the run is ${outcome.kind} after step ${step}`;

const outputOf = (interruption: Interruption): OutputName | undefined =>
  (["stdout", "stderr"] as const).find((name) => !interruption.lost(name));
