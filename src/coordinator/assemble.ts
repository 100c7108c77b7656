/** Assembles the parts of a run: the state machine, the conductor and the recorder. Starts nothing. */
import { randomBytes } from "node:crypto";
import type { CoxswainError } from "../errors.js";
import { clipCoefficient } from "../optim/index.js";
import { reducersRule } from "./gradient/all-reduce.js";
import { checkpointWriter } from "./checkpoints/run-checkpoint.js";
import { Conductor } from "./conductor.js";
import { EngineRule } from "./service/engine-rule.js";
import { shardCount } from "./service/lease-rows.js";
import type { LeaseSources } from "./service/lease-rows.js";
import { ClusterMachine, verifyRule } from "./machine/index.js";
import type { BestMetric, MachineSettings } from "./machine/index.js";
import type { RunRecord } from "../telemetry/index.js";
import { tokensPerShard } from "./run-parts.js";
import type { CoordinatorOptions, RunParts } from "./run-parts.js";
import type { PreparedRun } from "./prepare/prepare.js";
import { RunRecorder } from "./record/recorder.js";
import { recoveryTimeout } from "./prepare/survivors.js";

export function createRecorder(
  { run, files, liveRecord, metrics, reporter, exporters }: RunParts,
  options: CoordinatorOptions,
  onTrouble: (error: CoxswainError) => void,
): RunRecorder {
  const { training } = run.config;
  return new RunRecorder({
    files,
    metrics,
    view: options.view,
    logger: options.logger,
    listeners: [liveRecord, reporter, ...exporters.listeners, options.listener].filter(
      (listener) => listener !== undefined,
    ),
    totalSteps: run.plan.totalSteps,
    loggingSteps: training.logging_steps,
    best:
      training.metric_for_best_model === null
        ? undefined
        : {
            metric: training.metric_for_best_model,
            patience: training.early_stopping_patience,
            load: training.load_best_model_at_end,
          },
    factsOf: (step) => {
      const { rows, epoch } = run.plan.rowsOf(step);
      return { epoch, tokens: rows.reduce((sum, row) => sum + run.train.rowLength(row), 0) };
    },
    tokensPerShard: tokensPerShard(run),
    onTrouble,
    wallClock: () => options.clock.wallClock(),
  });
}

export function createConductor(parts: RunParts, recorder: RunRecorder, options: CoordinatorOptions): Conductor {
  const { run, record, checkpoint, files } = parts;
  const { training } = run.config;
  const microBatchSize = training.micro_batch_size;
  const evaluationRows = Array.from({ length: run.evaluation?.rowCount ?? 0 }, (_, index) => index);
  const sources: LeaseSources = {
    microBatchSize,
    training: (step) => ({ store: run.train, rows: run.plan.rowsOf(step).rows }),
    evaluation: () => ({ store: run.evaluation ?? run.train, rows: evaluationRows }),
    generation: run.generation,
  };
  const engines = new EngineRule({
    asked: run.config.compute.engine,
    allowMixed: run.config.cluster.allow_mixed_engines,
    // Without committed steps, there is no computation to stay consistent with.
    before: record.step > 0 ? record.computation : undefined,
    onChosen: (computation) => recorder.computedWith(computation),
  });
  const settings = clusterSettings(run, parts);
  const machine = new ClusterMachine(
    {
      ...settings,
      // The coordinator itself receives the sums that decide what the run is computed with.
      reducers: (workers) => (engines.isDecided ? settings.reducers(workers) : 0),
      saveSteps: training.save_steps,
      evalSteps: training.eval_steps,
      stopAfter: options.stopAfter?.(run.plan.totalSteps),
      evaluationShards: shardCount(evaluationRows.length, microBatchSize),
      generationShards: run.generation?.shards.length ?? 0,
      evaluated: (step) => isEvaluated(run, record, step),
      ...bestSettings(run, record),
      shardsOf: (step) => shardCount(run.plan.rowsOf(step).rows.length, microBatchSize),
      learningRate: run.learningRate,
      clipCoefficient: (norm) => clipCoefficient(norm, training.max_grad_norm),
    },
    { step: run.replica.step, hash: run.replica.hash(), saved: run.checkpoint !== undefined },
  );
  const save = checkpointWriter(run);
  return new Conductor({
    machine,
    replica: run.replica,
    sources,
    recorder,
    logger: options.logger,
    engines,
    allReduceDtype: run.config.cluster.all_reduce_dtype,
    score: run.generation?.score,
    onRecovered: (step) => recorder.rewind(step),
    checkpoint,
    save: (state, best) => {
      // The lines of the preceding steps are on disk before the checkpoint.
      files.flush();
      return save(state, best);
    },
    clock: options.clock,
    workersReturn: options.gateway !== undefined,
  });
}

/** Without an evaluation set, an evaluation is its samples. */
function isEvaluated({ config, evaluation }: PreparedRun, { evaluated, samples }: RunRecord, step: number): boolean {
  if (evaluation !== undefined) return evaluated.has(step);
  return (samples.get(step) ?? 0) >= (config.training.sample_prompts?.length ?? 0);
}

/** How evaluations are compared, and what is known of those before a restart. */
function bestSettings(
  { config: { training }, bestBefore }: PreparedRun,
  { evaluations }: RunRecord,
): Pick<MachineSettings, "best"> {
  const { metric_for_best_model: metric } = training;
  if (metric === null) return {};
  const rule = {
    metric,
    patience: training.early_stopping_patience,
    threshold: training.early_stopping_threshold,
    load: training.load_best_model_at_end,
  };
  return {
    best: {
      rule,
      before: bestBefore,
      recorded: evaluations.map((line) => ({ step: line.step, value: valueOf(line, metric) })),
    },
  };
}

const valueOf = (line: RunRecord["evaluations"][number], metric: BestMetric): number =>
  (metric === "eval_loss" ? line.eval_loss : line.eval_exact_match) ?? Number.NaN;

/** Settings that depend on the workers, and on what was done before a restart. */
function clusterSettings(
  run: PreparedRun,
  { survivors }: RunParts,
): Pick<
  MachineSettings,
  | "totalSteps"
  | "minWorkers"
  | "silenceTimeout"
  | "float16"
  | "freshAdapter"
  | "gradientSize"
  | "reducers"
  | "verifies"
  | "recovery"
> {
  const { cluster, compute, lora } = run.config;
  return {
    totalSteps: run.plan.totalSteps,
    minWorkers: cluster.min_workers,
    silenceTimeout: cluster.heartbeat_timeout * 1000,
    float16: compute.dtype === "float16",
    freshAdapter: lora.init_adapter === null,
    gradientSize: run.layout.size,
    reducers: reducersRule(cluster.all_reduce, run.layout.size),
    // A key of this process: no worker knows which of its sums will be verified.
    ...(cluster.verify > 0 ? { verifies: verifyRule(cluster.verify, randomBytes(32)) } : {}),
    ...(survivors > 0
      ? {
          recovery: {
            survivors,
            timeout: Math.min(recoveryTimeout, cluster.reconnect_timeout * 1000),
          },
        }
      : {}),
  };
}
