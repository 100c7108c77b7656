/** Assembles the status of a run from the state machine, the workers' sessions and the record. */
import { hostname } from "node:os";
import type { RunState, RunStatus, WorkerStatus } from "../../control/index.js";
import { version } from "../../version.js";
import type { Conductor } from "../conductor.js";
import type { RunFigures } from "./figures.js";
import type { MachineStatus, MachineWorker } from "../machine/index.js";
import type { WorkerSession } from "../service/worker-session.js";

/** The part that does not change while the coordinator runs. */
export interface RunFacts {
  readonly runId: string;
  readonly runDigest: string;
  /** Absolute. */
  readonly outputDir: string;
  /** As in the run file. */
  readonly model: string;
  readonly totalSteps: number;
  /** `training.metric_for_best_model` */
  readonly bestMetric: string | null;
  /** Tokens of a shard, on average. */
  readonly tokensPerShard: number;
  readonly startedAt: Date;
}

export function readStatus(
  conductor: Pick<Conductor, "status" | "workers" | "newestCheckpoint">,
  figures: RunFigures,
  facts: RunFacts,
): RunStatus {
  const machine = conductor.status();
  const { newestCheckpoint: saved } = conductor;
  return {
    run_id: facts.runId,
    run_digest: facts.runDigest,
    version,
    host: hostname(),
    pid: process.pid,
    output_dir: facts.outputDir,
    model: facts.model,
    ...stateOf(machine),
    ...progressOf(machine, figures, facts),
    evaluation: evaluationOf(figures),
    best: bestOf(machine, facts),
    checkpoint: saved === undefined ? null : { step: saved.step, path: saved.path, time: utc(saved.time) },
    started_at: facts.startedAt.toISOString(),
    all_reduce: machine.meshed ? "mesh" : "star",
    workers: conductor.workers().map(({ known, session }) => workerStatus(known, session, facts)),
  };
}

function evaluationOf({ evaluation }: RunFigures): RunStatus["evaluation"] {
  if (evaluation === undefined) return null;
  const { step, eval_loss, eval_exact_match = null } = evaluation;
  return { step, eval_loss, eval_exact_match };
}

function bestOf({ best }: MachineStatus, { bestMetric }: RunFacts): RunStatus["best"] {
  const found = best?.best;
  return found === undefined || bestMetric === null ? null : { metric: bestMetric, ...found };
}

function stateOf({ phase, waiting, stopping, committed, inFlight, outcome }: MachineStatus): {
  readonly state: RunState;
  readonly detail: string | null;
} {
  if (outcome?.kind === "failed") return { state: "failed", detail: outcome.error.message };
  if (outcome?.kind === "stopped") return { state: "stopped", detail: outcome.reason };
  if (outcome !== undefined || phase === "ended") return { state: "completed", detail: null };
  if (phase === "stopping") return { state: phase, detail: stopping ?? "complete: writing the last checkpoint" };
  const first = inFlight === "evaluate" || inFlight === "generate" ? "the evaluation" : `step ${committed + 1}`;
  if (phase === "pausing") return { state: phase, detail: waiting ?? `${first} is finished first` };
  return { state: phase, detail: waiting ?? null };
}

function progressOf(
  { committed }: MachineStatus,
  figures: RunFigures,
  { totalSteps }: RunFacts,
): Pick<
  RunStatus,
  | "step"
  | "total_steps"
  | "epoch"
  | "loss"
  | "learning_rate"
  | "grad_norm"
  | "tokens_per_second"
  | "seconds_per_step"
  | "seconds_left"
> {
  const line = figures.step;
  return {
    step: committed,
    total_steps: totalSteps,
    epoch: line?.epoch ?? null,
    loss: line?.loss ?? null,
    learning_rate: line?.learning_rate ?? null,
    grad_norm: line?.grad_norm ?? null,
    tokens_per_second: line?.tokens_per_second ?? null,
    seconds_per_step: figures.secondsPerStep ?? null,
    seconds_left: figures.secondsOf(totalSteps - committed) ?? null,
  };
}

const workerStatus = (known: MachineWorker, session: WorkerSession, { tokensPerShard }: RunFacts): WorkerStatus => ({
  id: known.id,
  host: session.host,
  pid: session.pid,
  state: known.phase,
  late: known.late,
  reachable: known.reachable && !session.pushes,
  engine: session.computation?.engine ?? null,
  backend: session.computation?.backend ?? null,
  device: session.computation?.device ?? null,
  tokens_per_second: known.shardsPerSecond === undefined ? null : known.shardsPerSecond * tokensPerShard,
  shards_held: known.shardsHeld,
  shards_done: known.shardsDone,
  joined_at: session.joinedAt.toISOString(),
});

const utc = (time: number): string => new Date(time).toISOString();
