/** The work of `coxswain pause`, `resume`, `stop` and `checkpoint`: ask, wait, say what came of it. */
import { isOver } from "../control/index.js";
import type { RemoteRun, RunState, RunStatus } from "../control/index.js";
import { CoxswainError } from "../errors.js";
import type { CheckpointFlags } from "./checkpoint.js";
import type { ControlFlags } from "./control-options.js";
import type { PauseFlags } from "./pause.js";
import { quietProgress } from "./quiet-progress.js";
import { withRun } from "./reach-run.js";
import type { StopFlags } from "./stop.js";

export async function pause(run: string | undefined, flags: PauseFlags): Promise<void> {
  await withRun(run, flags, async (remote) => {
    const asked = await remote.pause();
    const now = flags.wait ? await follow(remote, asked, ["pausing"]) : asked;
    if (now.state !== "paused" && now.state !== "pausing")
      throw new CoxswainError("cluster", `the run did not stay paused: it is ${describe(now)}`, {
        hint: "Somebody else steers it, too: events.jsonl in its output folder says who.",
      });
    const told =
      now.state === "paused" ? now.detail : `pausing: ${now.detail ?? "the step in flight is finished first"}`;
    print(flags, now, `${told ?? "paused"}; go on with: coxswain resume ${sameRun(run, flags)}`.trimEnd());
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
    const asked = await remote.stop();
    const now = flags.wait ? await follow(remote, asked, ["stopping"]) : asked;
    if (now.state === "failed")
      throw new CoxswainError("cluster", `the run failed after step ${now.step}: ${now.detail ?? ""}`, {
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

/** Waits until a run has left these states. */
async function follow(remote: RemoteRun, asked: RunStatus, states: readonly RunState[]): Promise<RunStatus> {
  let now = asked;
  if (!states.includes(now.state)) return now;
  const progress = quietProgress();
  try {
    for await (const status of remote.watch()) {
      now = status;
      if (!states.includes(now.state)) return now;
      progress.show(describe(now));
    }
    return now;
  } finally {
    progress.close();
  }
}

function stopped({ state, step, total_steps: total, checkpoint: saved }: RunStatus): string {
  const where = saved?.step === step ? `; its checkpoint is ${saved.path}` : "";
  if (!isOver(state)) return `stopping after step ${step + 1}`;
  if (state === "completed") return `the run is complete: step ${step} of ${total} was its last${where}`;
  return `stopped after step ${step} of ${total}${where}; --resume goes on`;
}

/** "training", "waiting (no worker is ready; the step waits for one)" */
const describe = ({ state, detail }: RunStatus): string => (detail === null ? state : `${state} (${detail})`);

function print({ json }: ControlFlags, status: RunStatus, sentence: string): void {
  printLine(json === true ? JSON.stringify(status) : sentence);
}

const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
