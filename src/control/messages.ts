/** Converts a run's status to a message of the protocol, and back: only names, enums and nulls differ. */
import type { RunStatusMessage, RunStatusOutput, WorkerStatusMessage, WorkerStatusOutput } from "../rpc/index.js";
import { EnumWords, deviceWords, engineWords } from "../rpc/index.js";
import { visibleTexts } from "../visible-text.js";
import { allReduces, runStates, workerStates } from "./run-status.js";
import type { RunStatus, WorkerStatus } from "./run-status.js";

const stateWords = new EnumWords("RUN_STATE", runStates);
const workerStateWords = new EnumWords("WORKER_STATE", workerStates);
const allReduceWords = new EnumWords("ALL_REDUCE", allReduces);

/** The fields that are not null. */
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
  state: stateWords.valueOf(status.state),
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
  evaluation: status.evaluation && {
    step: status.evaluation.step,
    evalLoss: status.evaluation.eval_loss,
    ...known({ evalExactMatch: status.evaluation.eval_exact_match }),
  },
  best: status.best,
  checkpoint: status.checkpoint,
  startedAt: status.started_at,
  allReduce: allReduceWords.valueOf(status.all_reduce),
  workers: status.workers.map(workerMessage),
});

const workerMessage = (worker: WorkerStatus): WorkerStatusMessage => ({
  id: worker.id,
  host: worker.host,
  pid: worker.pid,
  state: workerStateWords.valueOf(worker.state),
  late: worker.late,
  reachable: worker.reachable,
  ...known({
    engine: worker.engine && engineWords.valueOf(worker.engine),
    backend: worker.backend,
    device: worker.device && deviceWords.valueOf(worker.device),
    tokensPerSecond: worker.tokens_per_second,
  }),
  shardsHeld: worker.shards_held,
  shardsDone: worker.shards_done,
  joinedAt: worker.joined_at,
});

/** @throws CoxswainError "network" for an unknown value of an enum */
export const statusOf = (message: RunStatusOutput): RunStatus => visibleTexts(read(message));

const read = (message: RunStatusOutput): RunStatus => ({
  run_id: message.runId,
  run_digest: message.runDigest,
  version: message.version,
  host: message.host,
  pid: message.pid,
  output_dir: message.outputDir,
  model: message.model,
  state: stateWords.read(message.state),
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
  evaluation: message.evaluation && {
    step: message.evaluation.step,
    eval_loss: message.evaluation.evalLoss,
    eval_exact_match: message.evaluation.evalExactMatch ?? null,
  },
  best: message.best && { metric: message.best.metric, step: message.best.step, value: message.best.value },
  checkpoint: message.checkpoint && {
    step: message.checkpoint.step,
    path: message.checkpoint.path,
    time: message.checkpoint.time,
  },
  started_at: message.startedAt,
  all_reduce: allReduceWords.read(message.allReduce),
  workers: message.workers.map(workerOf),
});

const workerOf = (message: WorkerStatusOutput): WorkerStatus => ({
  id: message.id,
  host: message.host,
  pid: message.pid,
  state: workerStateWords.read(message.state),
  late: message.late,
  reachable: message.reachable,
  engine: message.engine === undefined ? null : engineWords.read(message.engine),
  backend: message.backend ?? null,
  device: message.device === undefined ? null : deviceWords.read(message.device),
  tokens_per_second: message.tokensPerSecond ?? null,
  shards_held: message.shardsHeld,
  shards_done: message.shardsDone,
  joined_at: message.joinedAt,
});
