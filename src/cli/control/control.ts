/** The work of `coxswain pause`, `resume`, `stop` and `checkpoint`: send the request, wait, print the result. */
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
    const goOn = `continue with: coxswain resume ${sameRun(run, flags)}`.trimEnd();
    print(flags, now, `${now.state === "paused" ? (now.detail ?? "paused") : describe(now)}; ${goOn}`);
  });
}

export async function resume(run: string | undefined, flags: ControlFlags): Promise<void> {
  await withRun(run, flags, async (remote) => {
    const now = await remote.resume();
    print(flags, now, `continuing after step ${now.step} of ${now.total_steps}: ${describe(now)}`);
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
      else printLine(`saved step ${step}: ${path}`);
    } finally {
      progress.close();
    }
  });
}

/** The arguments with which the user named the run, for another command. */
function sameRun(run: string | undefined, { coordinator, run: name, nats }: ControlFlags): string {
  if (name !== undefined) return `--nats ${nats ?? ""} --run ${name}`;
  return run ?? (coordinator === undefined ? "" : `--coordinator ${coordinator}`);
}

/** @throws CoxswainError "cluster" if the run does not become paused */
async function untilPaused(remote: RemoteRun): Promise<RunStatus> {
  const now = await follow(remote.watch(), ({ state }) => state !== "pausing");
  if (now.state === "paused") return now;
  throw new CoxswainError("cluster", `the run is not paused but ${describe(now)} after step ${now.step}`, {
    hint:
      now.state === "stopping" || isOver(now.state)
        ? "It ended first."
        : "Another caller resumed it: see events.jsonl in its output folder.",
  });
}

/** Starts watching before it sends the request: if no step is in flight, the coordinator exits a moment later. */
async function stopAndSee(remote: RemoteRun): Promise<RunStatus> {
  const statuses = remote.watch()[Symbol.asyncIterator]();
  await statuses.next();
  await remote.stop();
  return follow({ [Symbol.asyncIterator]: () => statuses }, ({ state }) => isOver(state));
}

/** Returns the first status for which `isSo` holds, else the last one; shows the state while it waits. */
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
    throw new CoxswainError("network", "the coordinator closed the connection unexpectedly", { hint: "Try again." });
  return now;
}

function stopped({ state, step, total_steps: total, checkpoint: saved }: RunStatus): string {
  const where = saved?.step === step ? `; the checkpoint is ${saved.path}` : "";
  if (!isOver(state)) return "stopping: the step in flight is finished and saved first";
  if (state === "completed") return `the run is complete: step ${step} of ${total} was the last one${where}`;
  return `stopped after step ${step} of ${total}${where}; continue with --resume`;
}

/** "training", "waiting (no worker is ready; the step waits for one)" */
const describe = ({ state, detail }: RunStatus): string => (detail === null ? state : `${state} (${detail})`);

function print({ json }: ControlFlags, status: RunStatus, sentence: string): void {
  printLine(json === true ? JSON.stringify(status) : sentence);
}

const printLine = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
