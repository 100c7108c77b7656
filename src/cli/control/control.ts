/** The work of `coxswain pause`, `resume`, `stop` and `checkpoint`: ask, wait, say what came of it. */
import { isOver } from "../../control/index.js";
import type { RemoteRun, RunStatus } from "../../control/index.js";
import { CoxswainError } from "../../errors.js";
import type { ControlFlags } from "../options/control.js";
import { quietProgress } from "../terminal/quiet-progress.js";
import { withRun } from "./connect.js";

export interface CheckpointFlags extends ControlFlags {
  readonly timeout: number;
}

export interface StopFlags extends ControlFlags {
  readonly wait: boolean;
}

export interface PauseFlags extends ControlFlags {
  readonly wait: boolean;
}

export async function pause(run: string | undefined, flags: PauseFlags): Promise<void> {
  await withRun(run, flags, async (remote) => {
    const asked = await remote.pause();
    const now = flags.wait && asked.state === "pausing" ? await untilPaused(remote) : asked;
    const goOn = `go on with: coxswain resume ${sameRun(run, flags)}`.trimEnd();
    print(flags, now, `${now.state === "paused" ? (now.detail ?? "paused") : describe(now)}; ${goOn}`);
  });
}

export async function resume(run: string | undefined, flags: ControlFlags): Promise<void> {
  await withRun(run, flags, async (remote) => {
    const now = await remote.resume();
    print(flags, now, `going on after step ${now.step} of ${now.total_steps}: ${describe(now)}`);
  });
}

export async function stop(run: string | undefined, flags: StopFlags): Promise<void> {
  await withRun(run, flags, async (remote) => {
    const now = await (flags.wait ? stopAndSee(remote) : remote.stop());
    if (now.state === "failed")
      throw new CoxswainError("cluster", `the run failed after step ${now.step}: ${now.detail ?? "unknown"}`, {
        hint: `Its logs and events are in ${now.output_dir}.`,
      });
    print(flags, now, stopped(now));
  });
}

export async function checkpoint(run: string | undefined, flags: CheckpointFlags): Promise<void> {
  await withRun(run, flags, async (remote) => {
    const progress = quietProgress();
    progress.show("waiting for the checkpoint of the step in flight");
    try {
      const { step, path } = await remote.checkpoint(flags.timeout * 1000);
      progress.close();
      if (flags.json === true) printLine(JSON.stringify({ step, path }));
      else printLine(`step ${step} is saved: ${path}`);
    } finally {
      progress.close();
    }
  });
}

/** How the user named the run, for another command. */
function sameRun(run: string | undefined, { coordinator, run: name, nats }: ControlFlags): string {
  if (name !== undefined) return `--nats ${nats ?? ""} --run ${name}`;
  return run ?? (coordinator === undefined ? "" : `--coordinator ${coordinator}`);
}

/** @throws CoxswainError "cluster" where something else came of it */
async function untilPaused(remote: RemoteRun): Promise<RunStatus> {
  const now = await follow(remote.watch(), ({ state }) => state !== "pausing");
  if (now.state === "paused") return now;
  throw new CoxswainError("cluster", `the run is not paused: it is ${describe(now)} after step ${now.step}`, {
    hint:
      now.state === "stopping" || isOver(now.state)
        ? "It ended first."
        : "Somebody else resumed it: events.jsonl in its output folder says who.",
  });
}

/** Watches before it asks: where nothing is in flight, the run is over a moment later, and nobody listens any more. */
async function stopAndSee(remote: RemoteRun): Promise<RunStatus> {
  const statuses = remote.watch()[Symbol.asyncIterator]();
  await statuses.next();
  await remote.stop();
  return follow({ [Symbol.asyncIterator]: () => statuses }, ({ state }) => isOver(state));
}

/** The first status that is so, else the last; shows meanwhile what is waited for. */
async function follow(statuses: AsyncIterable<RunStatus>, isSo: (now: RunStatus) => boolean): Promise<RunStatus> {
  const progress = quietProgress();
  let now: RunStatus | undefined;
  try {
    for await (now of statuses) {
      if (isSo(now)) break;
      progress.show(describe(now));
    }
  } finally {
    progress.close();
  }
  if (now === undefined)
    throw new CoxswainError("network", "the coordinator ended without a word", { hint: "Try again." });
  return now;
}

function stopped({ state, step, total_steps: total, checkpoint: saved }: RunStatus): string {
  const where = saved?.step === step ? `; its checkpoint is ${saved.path}` : "";
  if (!isOver(state)) return "stopping: what is in flight is finished and saved first";
  if (state === "completed") return `the run is complete: step ${step} of ${total} was its last${where}`;
  return `stopped after step ${step} of ${total}${where}; --resume goes on`;
}

/** "training", "waiting (no worker is ready; the step waits for one)" */
const describe = ({ state, detail }: RunStatus): string => (detail === null ? state : `${state} (${detail})`);

function print({ json }: ControlFlags, status: RunStatus, sentence: string): void {
  printLine(json === true ? JSON.stringify(status) : sentence);
}

const printLine = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
