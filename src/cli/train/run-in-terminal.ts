/**
 * A run with a person before it: progress in the terminal, and Ctrl-C and its like, which stop it after the step in flight.
 * Says nothing of how it ended; that is its caller's.
 */
import { hostname } from "node:os";
import { detach } from "../../async/index.js";
import type { Address, LoadedRun, RunConfig } from "../../config/index.js";
import { openRun } from "../../library/index.js";
import type { FinishedRun, OpenRun, OpenRunOptions } from "../../library/index.js";
import { onInterruption } from "../process/interruption.js";
import type { Interruption } from "../process/interruption.js";
import type { OutputName } from "../process/output-loss.js";
import { thisProgram } from "../process/this-program.js";
import { createProgress } from "../terminal/progress.js";
import { sayTo } from "../terminal/say.js";
import { leaveNow } from "./leave-now.js";
import { missingWorkers, type WorkersAsked } from "./missing-workers.js";

export type TerminalRunOptions = Omit<OpenRunOptions, "signal" | "view" | "onListening" | "onOver">;

export interface TerminalRun extends FinishedRun {
  /** What asked it to end, as of `Interrupt`. */
  readonly cause: string | undefined;
  /** An output that can still be written; undefined where none can. */
  readonly output: OutputName | undefined;
}

/** @throws what `openRun` throws; how a run that was started ends is in what is returned */
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
    // What is written after a loss is lost as well.
    if (immediately || interruption.lost("stdout")) view.close();
    if (immediately) {
      detach(leaveNow({ times, cause, pids: opened?.workerPids() ?? [], config, say }), () => process.exit(130));
      return;
    }
    const text = `${cause}: this step is finished and saved first (Ctrl-C again stops immediately)`;
    if (interruption.lost("stdout")) say(text);
    else view.note(text);
    stopping.abort();
  });
  try {
    opened = await openRun(loaded, {
      ...options,
      signal: stopping.signal,
      view,
      // Reading the data may take minutes, after which nobody looks.
      onListening: (address) => {
        const missing = missingWorkers(workersAsked(config, options.localWorkers, address));
        if (missing !== undefined) view.note(missing);
      },
      onOver: (finished, lingers) => {
        over = true;
        if (lingers === undefined) return;
        const until =
          lingers === "stay" ? "this stays until SIGTERM" : "/metrics stays for one more scrape (Ctrl-C ends at once)";
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

const workersAsked = ({ cluster, workers }: RunConfig, localWorkers: boolean, address: Address): WorkersAsked => ({
  started: localWorkers ? workers : 0,
  needed: cluster.min_workers,
  address,
  host: hostname(),
  program: thisProgram(),
  token: cluster.token !== null,
  tls: cluster.tls !== null,
});

const ending = ({ outcome, step }: FinishedRun): string =>
  outcome.kind === "failed"
    ? `the run failed: ${outcome.error.message}`
    : `the run is ${outcome.kind} after step ${step}`;

const outputOf = (interruption: Interruption): OutputName | undefined =>
  (["stdout", "stderr"] as const).find((name) => !interruption.lost(name));
