/**
 * Publishes what a run does: to metrics.jsonl and events.jsonl, Prometheus metrics, the log, and the user's view.
 * Decides nothing.
 */
import { describeNode } from "../../collective/index.js";
import type { TreeNode } from "../../collective/index.js";
import type { RecordedDataset } from "../../data/index.js";
import { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import type { ExporterTrouble } from "../../exporters/index.js";
import { progressText } from "../../progress.js";
import { workerStates } from "../../telemetry/index.js";
import type {
  CoordinatorMetrics,
  Departure,
  EventName,
  Logger,
  RunFiles,
  RunListener,
  RunView,
  Sample,
  StepLine,
} from "../../telemetry/index.js";
import type { Readiness } from "../service/bounds.js";
import type { Computation } from "../service/engine-rule.js";
import { visibleLine } from "../../visible-text.js";
import { RunFigures } from "./figures.js";
import { MemberBudget } from "./member-budget.js";
import type {
  BestMetric,
  BestState,
  CommitEffect,
  EffectOf,
  LeaseKind,
  MachineStatus,
  Measurement,
  Outcome,
  WorkerId,
} from "../machine/index.js";

export interface RecorderOptions {
  readonly files: RunFiles;
  readonly metrics: CoordinatorMetrics;
  readonly view: RunView;
  readonly logger: Logger;
  /** Receive the lines of metrics.jsonl and events.jsonl once they are written, or wait for disk space. */
  readonly listeners: readonly RunListener[];
  readonly totalSteps: number;
  readonly loggingSteps: number;
  /** How evaluations are compared; undefined if they are not. */
  readonly best?: { readonly metric: BestMetric; readonly patience: number | null; readonly load: boolean } | undefined;
  /** Tokens (without padding) of a step's rows, and the epoch it ends in. */
  factsOf(step: StepNumber): { readonly tokens: number; readonly epoch: number };
  /** Tokens of a shard, on average. */
  readonly tokensPerShard: number;
  /** An event could not be written, usually because the disk is full. */
  readonly onTrouble: (error: CoxswainError) => void;
  /** Wall clock, ms. */
  readonly wallClock: () => number;
}

interface WorkerName {
  readonly id: WorkerId;
  readonly host: string;
  readonly pid: number;
}

/** Of a commit: seconds that bringing the sums together took, and when the step was complete, monotonic ms. */
interface CommitTiming {
  readonly reduceSeconds: number;
  readonly endedAt: number;
}

export interface EndOfRun {
  readonly step: StepNumber;
  readonly best: Measurement | undefined;
}

/** The progress of an evaluation is shown if it takes longer than this, ms. */
const longEvaluation = 3_000;

export class RunRecorder {
  readonly #options: RecorderOptions;
  readonly figures = new RunFigures();
  readonly #noted = new Set<string>();
  /** What members cause is recorded within limits. */
  readonly #budget: MemberBudget;
  /** Members whose joining was recorded, and whose leaving therefore is. */
  readonly #present = new Set<WorkerId>();
  #waiting: string | undefined;
  /** Wall clock, ms. */
  #evaluatingSince: number | undefined;
  #over = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#budget = new MemberBudget(options.wallClock);
    options.metrics.stepsPlanned.set(options.totalSteps);
  }

  /** Workers can join. @param step the step that the run continues from, 0 at the beginning */
  started(step: number, model: string): void {
    this.#event("run_started", { step, total_steps: this.#options.totalSteps, model });
  }

  /** A data set of the hub was read: from this on, the run reads the same commit. */
  datasetRead({ dataset, config, split, revision, commit, by }: RecordedDataset): void {
    this.#event("dataset_resolved", {
      dataset,
      ...(config === null ? {} : { config }),
      ...(split === null ? {} : { split }),
      ...(revision === null ? {} : { revision }),
      commit,
      by,
    });
  }

  /** Bad examples were skipped when the data was read: how many, and the first ones. */
  examplesSkipped(counts: { readonly train: number; readonly eval: number }, examples: readonly string[]): void {
    this.#event("examples_skipped", { ...counts, examples });
  }

  joined({ id, host, pid }: WorkerName): void {
    if (!this.#mayRecord(id)) return;
    this.#present.add(id);
    this.#event("worker_joined", { worker: id, host, pid });
    this.#note(`worker ${id} joined`);
  }

  /** The engine that the run's shards are computed with from now on. */
  computedWith({ engine, backend, device }: Computation): void {
    this.#event("engine_chosen", { engine, backend, device });
  }

  /** A worker is ready. A backend that was chosen among several is shown with the reason. */
  ready({ id }: WorkerName, { engine, backend, backendReason, backendWarning }: Readiness): void {
    if (!this.#mayRecord(id)) return;
    this.#options.logger.info({ worker: id, engine, backend, why: backendReason }, "a worker is ready");
    if (engine !== "onnx") this.#noteOnce(`workers compute with ${engine} on ${backend}: ${backendReason}`);
    if (backendWarning !== "") this.#noteOnce(`${engine} on ${backend}: ${backendWarning}`);
  }

  /** The worker's server cannot be reached, so it pushes its gradients and reduces nothing. */
  unreachable({ id }: WorkerName, reason: string): void {
    if (!this.#mayRecord(id)) return;
    this.#event("worker_unreachable", { worker: id, reason });
    this.#note(`worker ${id} pushes its gradients: ${reason}`);
  }

  /** The worker reported an error, with which it leaves. */
  failed({ id }: WorkerName, error: CoxswainError): void {
    if (!this.#mayRecord(id)) return;
    this.#options.logger.error({ worker: id, error: error.message, hint: error.hint }, "a worker failed");
    this.#note(`worker ${id} failed: ${error.message}`);
  }

  left({ id }: WorkerName, reason: string, how: Departure): void {
    const isRecorded = this.#present.delete(id);
    if (isRecorded) this.#event("worker_left", { worker: id, reason });
    this.#options.metrics.workerTokensPerSecond.remove({ worker: id });
    // At the end of the run, all workers leave.
    if (this.#over) return;
    this.#options.metrics.workersLeft.add(1, { how });
    if (isRecorded) this.#note(`worker ${id} left: ${reason}`);
  }

  leased(worker: WorkerId, step: StepNumber, count: number, kind: LeaseKind): void {
    // Rebalancing at the end of a step is routine: counted, but not an event.
    if (kind === "stolen") this.#options.metrics.leases.add(count, { result: "stolen" });
    if (kind !== "again" || !this.#mayRecord(worker)) return;
    this.#event("lease_reissued", { worker, step, shards: count });
    this.#note(`step ${step}: ${shards(count)} leased again, to ${worker}`);
  }

  lost(worker: WorkerId, count: number, late: boolean, reason: string): void {
    this.#options.metrics.leases.add(count, { result: late ? "expired" : "lost" });
    if (!this.#mayRecord(worker)) return;
    this.#event(late ? "lease_expired" : "worker_lost", { worker, shards: count, reason });
    if (late) this.#note(`worker ${worker} is late (${reason}): ${shards(count)} taken from it`);
  }

  meshFailed(step: StepNumber, reason: string): void {
    if (!this.#mayRecord("mesh")) return;
    this.#event("mesh_failed", { step, reason });
    this.#note(`step ${step}: the coordinator reduces it: ${reason}`);
  }

  /** The steps after this one are lost. */
  rewind(step: StepNumber): void {
    this.#options.files.rewind(step);
    for (const listener of this.#options.listeners) listener.rewound(step);
  }

  recovered(step: StepNumber, from: WorkerId | undefined): void {
    this.#event("run_recovered", { step, ...(from === undefined ? {} : { worker: from }) });
    this.#note(
      from === undefined
        ? `no worker has a newer state: continuing after step ${step}`
        : `continuing after step ${step}, from the replica of worker ${from}`,
    );
  }

  received(bytes: number): void {
    this.#options.metrics.allReduceBytes.add(bytes, { direction: "received" });
  }

  notFinite(step: StepNumber): void {
    this.#options.metrics.nonfiniteSteps.add(1);
    this.#options.logger.error({ step }, "the loss or the gradient is not a number; the step was not applied");
  }

  /** A worker delivered a sum that is not what it announced: it was discarded. @param what names worker, step and sum */
  differs(worker: WorkerId, step: StepNumber, { first, count }: TreeNode, what: string): void {
    this.#options.metrics.sumsRejected.add(1);
    if (!this.#mayRecord(worker)) return;
    this.#options.logger.error({ worker, step, first, count }, "a sum was rejected: the worker did not announce it");
    this.#event("sum_rejected", { worker, step, first, count });
    this.#note(`${what}: it was discarded`);
  }

  /** Several workers computed a sum of so many shards, with the same bits. */
  verified(count: number): void {
    this.#options.metrics.shardsVerified.add(count);
  }

  /** A worker computed another sum than others, which agree. @returns the reason, for that worker */
  putOut(worker: WorkerId, step: StepNumber, node: TreeNode, agreed: readonly WorkerId[]): string {
    const { first, count } = node;
    const reason = `its sum of shards ${describeNode(node)} of step ${step} differs from that of ${agreed.join(" and ")}`;
    this.#options.metrics.workersPutOut.add(1);
    this.#options.logger.error({ worker, step, first, count, agreed }, "a worker computed a wrong sum; it is put out");
    this.#event("worker_put_out", { worker, step, first, count, agreed });
    this.#options.view.note(`worker ${worker} is put out: ${reason}; check its machine`);
    return reason;
  }

  /** Workers computed different sums, and there is no other worker to tell who is right. */
  undecided(workers: readonly WorkerId[], step: StepNumber, node: TreeNode): void {
    const { first, count } = node;
    this.#options.logger.error({ workers, step, first, count }, "workers computed different sums");
    this.#event("verification_undecided", { workers, step, first, count });
    this.#options.view.note(
      `step ${step}: ${workers.join(" and ")} computed different sums of shards ${describeNode(node)}: one of them lies or ` +
        "is broken. The step waits for another worker of the same kind, which decides, or until one of them leaves",
    );
  }

  mismatch(worker: WorkerId, step: StepNumber): void {
    this.#options.metrics.replicaMismatches.add(1);
    if (!this.#mayRecord(worker)) return;
    this.#options.logger.error({ worker, step }, "a replica differs from the coordinator's; it is synchronised again");
    this.#event("replica_resynchronised", { worker, step });
    this.#note(`worker ${worker}: its replica differed after step ${step}; synchronised again`);
  }

  /**
   * Called before a commit is published.
   * @returns publishes it: to be called when the step is stored outside this process, so that a recorded step is never
   *   lost with the process
   */
  committing(effect: CommitEffect, timing: CommitTiming): () => void {
    const line = this.#lineOf(effect, timing);
    this.#options.files.committing(line);
    return () => this.#committed(line, effect, timing);
  }

  #lineOf(effect: CommitEffect, { endedAt }: CommitTiming): StepLine {
    const { tokens, epoch } = this.#options.factsOf(effect.step);
    const stepSeconds = (endedAt - effect.startedAt) / 1000;
    return {
      step: effect.step,
      epoch,
      loss: effect.loss,
      grad_norm: effect.gradNorm,
      learning_rate: effect.learningRate,
      tokens,
      supervised_tokens: effect.supervisedTokens,
      tokens_per_second: tokens / stepSeconds,
      step_seconds: stepSeconds,
      workers: effect.activeWorkers,
    };
  }

  #committed(line: StepLine, effect: CommitEffect, timing: CommitTiming): void {
    const { files, metrics, view, totalSteps, loggingSteps } = this.#options;
    const last = effect.step >= totalSteps;
    this.figures.committed(line);
    files.appendMetrics(line);
    for (const listener of this.#options.listeners) listener.step(line);
    metrics.leases.add(effect.shards, { result: "done" });
    this.#measure(line, { ...timing, computeSeconds: (effect.computedAt - effect.startedAt) / 1000 });
    const shown = {
      step: effect.step,
      totalSteps,
      epoch: line.epoch,
      loss: effect.loss,
      learningRate: effect.learningRate,
      gradNorm: effect.gradNorm,
      tokensPerSecond: line.tokens_per_second,
      workers: effect.activeWorkers,
      remainingSeconds: this.figures.secondsOf(totalSteps - effect.step) ?? Number.NaN,
    };
    view.step(shown, last || effect.step % loggingSteps === 0);
  }

  #measure(line: StepLine, phases: { computeSeconds: number; reduceSeconds: number }): void {
    const { metrics } = this.#options;
    metrics.step.set(line.step);
    metrics.epoch.set(line.epoch);
    metrics.loss.set(line.loss);
    metrics.gradNorm.set(line.grad_norm);
    metrics.learningRate.set(line.learning_rate);
    metrics.tokens.add(line.tokens, { kind: "all" });
    metrics.tokens.add(line.supervised_tokens, { kind: "supervised" });
    metrics.stepDuration.observe(phases.computeSeconds, { phase: "compute" });
    metrics.stepDuration.observe(phases.reduceSeconds, { phase: "reduce" });
    metrics.stepDuration.observe(line.step_seconds, { phase: "total" });
    metrics.lastCommit.set(this.#options.wallClock() / 1000);
  }

  applied(seconds: number): void {
    this.#options.metrics.stepDuration.observe(seconds, { phase: "apply" });
  }

  /** @param samples the answers to the sample prompts */
  evaluated({ step, loss, exactMatch, best }: EffectOf<"evaluated">, samples: readonly Omit<Sample, "step">[]): void {
    this.#samples(samples.map((sample) => ({ step, ...sample })));
    if (loss === undefined) return;
    const line = { step, eval_loss: loss, ...(exactMatch === undefined ? {} : { eval_exact_match: exactMatch }) };
    this.figures.evaluated(line);
    this.#options.files.appendMetrics(line);
    for (const listener of this.#options.listeners) listener.evaluation(line);
    this.#options.metrics.evalLoss.set(loss);
    if (exactMatch !== undefined) this.#options.metrics.evalExactMatch.set(exactMatch);
    this.#event("evaluation_finished", line);
    const exact = exactMatch === undefined ? "" : `, exact match ${figureOf("exact_match", exactMatch)}`;
    this.#note(
      `step ${step}: evaluation loss ${loss.toFixed(4)}, perplexity ${Math.exp(loss).toFixed(3)}${exact}${this.#compared(step, best)}`,
    );
    this.#bestSoFar(step, best);
  }

  /** Written before the evaluation's line: with that, the evaluation is not made again after a restart. */
  #samples(samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.#options.files.appendSamples(samples);
    for (const listener of this.#options.listeners) listener.samples?.(samples);
  }

  /** Where an evaluation stands among the earlier ones. */
  #compared(step: StepNumber, state: BestState | undefined): string {
    const { best } = this.#options;
    if (best === undefined || state?.best === undefined) return "";
    if (state.best.step === step) return ": the best so far";
    const patience =
      best.patience === null ? "" : `; no improvement in ${state.patienceCounter} of ${best.patience} evaluations`;
    return ` (the best is ${figureOf(best.metric, state.best.value)} at step ${state.best.step}${patience})`;
  }

  #bestSoFar(step: StepNumber, state: BestState | undefined): void {
    const { best, metrics } = this.#options;
    if (best === undefined || state?.best === undefined) return;
    metrics.bestMetric.set(state.best.value, { metric: best.metric });
    metrics.bestStep.set(state.best.step);
    if (state.best.step === step) this.#event("best_model", { step, metric: best.metric, value: state.best.value });
  }

  /** Training stops before its last step. */
  patienceLost({ step, best }: EffectOf<"patienceLost">): void {
    const metric = this.#options.best?.metric ?? "eval_loss";
    this.#event("early_stopping", {
      step,
      metric,
      evaluations: best.patienceCounter,
      ...(best.best === undefined ? {} : { best_step: best.best.step, value: best.best.value }),
    });
    this.#note(
      `step ${step}: ${metric} has not improved in ${evaluations(best.patienceCounter)}: training stops early`,
    );
  }

  saved(step: StepNumber, seconds: number, path: string): void {
    this.#options.metrics.checkpointLastSuccess.set(this.#options.wallClock() / 1000);
    this.#options.metrics.checkpointDuration.set(seconds);
    this.#event("checkpoint_saved", { step, seconds, path });
    this.#note(`step ${step}: checkpoint ${path}`);
  }

  saveFailed(step: StepNumber, error: CoxswainError): void {
    this.#event("checkpoint_failed", { step, error: error.message });
    this.#options.logger.error({ step, error: error.message }, "the checkpoint could not be written");
    this.#note(`step ${step}: the checkpoint could not be written: ${error.message}`);
  }

  /** The figures do not reach TensorBoard or the user's command. */
  exporterFailed({ exporter, reason }: ExporterTrouble): void {
    // The end of the run stays the last event of its record.
    if (this.#over) this.#options.logger.warn({ exporter, reason }, "exporter_failed");
    else this.#event("exporter_failed", { exporter, reason });
    this.#note(`warning: ${exporter}: ${reason}; training is not affected`);
  }

  /** @param by the caller, if known */
  paused(step: StepNumber, by: string | undefined): void {
    if (!this.#mayRecord(`caller ${by ?? ""}`)) return;
    this.#event("run_paused", { step, ...(by === undefined ? {} : { by }) });
  }

  /** @param by the caller, if known */
  resumed(step: StepNumber, by: string | undefined): void {
    if (!this.#mayRecord(`caller ${by ?? ""}`)) return;
    this.#event("run_resumed", { step, ...(by === undefined ? {} : { by }) });
    this.#note(`continuing after step ${step}${by === undefined ? "" : `: resumed by ${by}`}`);
  }

  status(status: MachineStatus): void {
    const { metrics } = this.#options;
    const { phase, workers, speeds } = status;
    metrics.paused.set(phase === "paused" ? 1 : 0);
    for (const state of workerStates) metrics.workers.set(workers[state], { state });
    for (const [worker, shardsPerSecond] of speeds)
      metrics.workerTokensPerSecond.set(shardsPerSecond * this.#options.tokensPerShard, { worker });
    const waiting = status.waiting ?? this.#evaluation(status);
    if (waiting === this.#waiting) return;
    this.#waiting = waiting;
    this.#options.view.waiting(waiting === undefined ? undefined : visibleLine(waiting));
  }

  /** The progress of a long evaluation. */
  #evaluation({ committed, evaluated, inFlight }: MachineStatus): string | undefined {
    if (evaluated === undefined) {
      this.#evaluatingSince = undefined;
      return undefined;
    }
    const now = this.#options.wallClock();
    this.#evaluatingSince ??= now;
    if (now - this.#evaluatingSince < longEvaluation) return undefined;
    const what = inFlight === "generate" ? "generating answers" : "evaluating";
    return progressText({ what: `${what} after step ${committed}`, ...evaluated, unit: "shards" });
  }

  /** @param end the newest step and the best evaluation, if evaluations are compared */
  finished(outcome: Outcome, end?: EndOfRun): void {
    const detail =
      outcome.kind === "failed"
        ? { error: outcome.error.message, code: outcome.error.code }
        : outcome.kind === "stopped"
          ? { reason: outcome.reason }
          : this.#bestAtEnd(end);
    const names = { completed: "run_finished", stopped: "run_stopped", failed: "run_failed" } as const;
    this.#over = true;
    this.#tellOmitted();
    this.#options.metrics.runOutcome.set(1, { outcome: outcome.kind });
    this.#event(names[outcome.kind], detail);
  }

  #bestAtEnd(end: EndOfRun | undefined): Readonly<Record<string, string | number>> {
    const rule = this.#options.best;
    if (rule === undefined || end?.best === undefined) return {};
    const { step, best } = end;
    const adapterStep = rule.load ? best.step : step;
    return { metric: rule.metric, best_step: best.step, value: best.value, adapter_step: adapterStep };
  }

  /** Whether what a member caused is recorded now. What was not is told in one event. */
  #mayRecord(member: string): boolean {
    if (!this.#budget.allows(member)) return false;
    if (this.#budget.omitted > 0) this.#tellOmitted();
    return true;
  }

  #tellOmitted(): void {
    const count = this.#budget.takeOmitted();
    if (count === 0) return;
    this.#event("events_omitted", { count });
    this.#note(`warning: ${count} events of workers and callers were not recorded: they came too fast`);
  }

  /** Texts of other machines are part of many notes. */
  #note(text: string): void {
    this.#options.view.note(visibleLine(text));
  }

  #noteOnce(text: string): void {
    if (this.#noted.has(text)) return;
    this.#noted.add(text);
    this.#note(text);
  }

  #event(event: EventName, detail: Readonly<Record<string, string | number | readonly string[]>>): void {
    const shown = Object.fromEntries(
      Object.entries(detail).map(([key, value]) => [key, typeof value === "string" ? visibleLine(value) : value]),
    );
    const line = { time: new Date(this.#options.wallClock()).toISOString(), event, ...shown };
    try {
      this.#options.files.appendEvent(line);
    } catch (error) {
      // The callers are in the middle of other work and must not fail: the run ends with this error instead.
      if (!(error instanceof CoxswainError)) throw error;
      this.#options.onTrouble(error);
    }
    for (const listener of this.#options.listeners) listener.event(line);
    this.#options.logger.info({ event, ...shown }, event);
  }
}

const evaluations = (count: number): string => (count === 1 ? "1 evaluation" : `${count} evaluations`);

/** A value of a metric, for people. */
export const figureOf = (metric: BestMetric, value: number): string =>
  metric === "eval_loss" ? value.toFixed(4) : `${(100 * value).toFixed(1)} %`;

const shards = (count: number): string => (count === 1 ? "1 shard" : `${count} shards`);
