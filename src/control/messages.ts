/** A run's status as a message of the protocol, and back: names and nulls differ, nothing else. */
import type { RunStatusMessage, RunStatusOutput, WorkerStatusMessage, WorkerStatusOutput } from "../rpc/index.js";
import { CoxswainError } from "../errors.js";
import { runStates } from "./run-status.js";
import type { RunState, RunStatus, WorkerState, WorkerStatus } from "./run-status.js";

/** Those of the fields that are known. */
const known = <Fields extends object>(fields: Fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as {
    [Name in keyof Fields]?: NonNullable<Fields[Name]>;
  };

export const statusMessage = (status: RunStatus): RunStatusMessage => ({
  runId: status.run_id,
  runDigest: status.run_digest,
  version: status.version,
  host: status.host,
  pid: status.pid,
  outputDir: status.output_dir,
  model: status.model,
  state: status.state,
  step: status.step,
  totalSteps: status.total_steps,
  ...known({
    detail: status.detail,
    epoch: status.epoch,
    loss: status.loss,
    learningRate: status.learning_rate,
    gradNorm: status.grad_norm,
    tokensPerSecond: status.tokens_per_second,
    secondsPerStep: status.seconds_per_step,
    secondsLeft: status.seconds_left,
  }),
  evaluation: status.evaluation && { step: status.evaluation.step, evalLoss: status.evaluation.eval_loss },
  checkpoint: status.checkpoint,
  startedAt: status.started_at,
  allReduce: status.all_reduce,
  workers: status.workers.map(workerMessage),
});

const workerMessage = (worker: WorkerStatus): WorkerStatusMessage => ({
  id: worker.id,
  host: worker.host,
  pid: worker.pid,
  state: worker.state,
  late: worker.late,
  reachable: worker.reachable,
  ...known({
    engine: worker.engine,
    backend: worker.backend,
    device: worker.device,
    tokensPerSecond: worker.tokens_per_second,
  }),
  shardsHeld: worker.shards_held,
  shardsDone: worker.shards_done,
  joinedAt: worker.joined_at,
});

/** @throws CoxswainError "network" where a word in it is none that is known here */
export const statusOf = (message: RunStatusOutput): RunStatus => ({
  run_id: message.runId,
  run_digest: message.runDigest,
  version: message.version,
  host: message.host,
  pid: message.pid,
  output_dir: message.outputDir,
  model: message.model,
  state: oneOf<RunState>(runStates, message.state),
  detail: message.detail ?? null,
  step: message.step,
  total_steps: message.totalSteps,
  epoch: message.epoch ?? null,
  loss: message.loss ?? null,
  learning_rate: message.learningRate ?? null,
  grad_norm: message.gradNorm ?? null,
  tokens_per_second: message.tokensPerSecond ?? null,
  seconds_per_step: message.secondsPerStep ?? null,
  seconds_left: message.secondsLeft ?? null,
  evaluation: message.evaluation && { step: message.evaluation.step, eval_loss: message.evaluation.evalLoss },
  checkpoint: message.checkpoint && {
    step: message.checkpoint.step,
    path: message.checkpoint.path,
    time: message.checkpoint.time,
  },
  started_at: message.startedAt,
  all_reduce: oneOf(["star", "mesh"] as const, message.allReduce),
  workers: message.workers.map(workerOf),
});

const workerOf = (message: WorkerStatusOutput): WorkerStatus => ({
  id: message.id,
  host: message.host,
  pid: message.pid,
  state: oneOf<WorkerState>(["loading", "synchronising", "active", "draining"], message.state),
  late: message.late,
  reachable: message.reachable,
  engine: message.engine ?? null,
  backend: message.backend ?? null,
  device: message.device ?? null,
  tokens_per_second: message.tokensPerSecond ?? null,
  shards_held: message.shardsHeld,
  shards_done: message.shardsDone,
  joined_at: message.joinedAt,
});

function oneOf<Word extends string>(words: readonly Word[], given: string): Word {
  const found = words.find((word) => word === given);
  if (found !== undefined) return found;
  throw new CoxswainError(
    "network",
    `the coordinator says ${JSON.stringify(given)}, which this version does not know`,
    {
      hint: "Install the same version on both sides.",
    },
  );
}
