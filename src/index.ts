/**
 * Coxswain as a library: distributed LoRA fine-tuning within a Node.js program. Importing it starts nothing and loads
 * nothing large; the functions print nothing, install no signal handlers and never end the process.
 *
 * @module
 */
export { evaluate } from "./library/evaluate.js";
export type { Answer, EvaluatedLoss, EvaluateOptions, Evaluation, ExactMatch } from "./library/evaluate.js";
export { generate } from "./library/generate.js";
export type { DrawingOptions, GeneratedAnswer, GenerateOptions, GenerateResult } from "./library/generate.js";
export { loadRun } from "./library/load-run.js";
export type { DeepPartial, RunOverrides, RunSource } from "./library/load-run.js";
export { exportAdapter } from "./library/export-adapter.js";
export type { ExportOptions, ExportResult, GgufReport } from "./library/export-adapter.js";
export { merge } from "./library/merge.js";
export type { MergeOptions, MergeReport, MergeResult, MergeType, Quantization } from "./library/merge.js";
export type { RoundingCost } from "./library/merge.js";
export type { ModelOptions } from "./library/model-options.js";
export { preview } from "./library/preview.js";
export type { DataStatistics, DropReason, Preview, PreviewOptions } from "./library/preview.js";
export type {
  PreviewPiece,
  PreviewRow,
  SkippedExample,
  SkippedExamples,
  SourceStatistics,
  SplitConversations,
} from "./library/preview.js";
export { push } from "./library/push.js";
export type { PushOptions, PushResult } from "./library/push.js";
export type { BestEvaluation, CoordinatorOptions, TrainingRun, TrainOptions, TrainResult } from "./library/run.js";
export { startCoordinator } from "./library/start-coordinator.js";
export { startWorker } from "./library/start-worker.js";
export type { RunningWorker, StartWorkerOptions, WorkerEnd } from "./library/start-worker.js";
export type { WorkerSettings, WorkerTls } from "./library/start-worker.js";
export { train } from "./library/train.js";
export type { LoadedRun, RunConfig, RunConfigInput } from "./config/index.js";
export type { BestOfRun, Checkpoint, RunState, RunStatus, WorkerState, WorkerStatus } from "./control/index.js";
export type { ChatMessage, DataFormat } from "./data/index.js";
export { CoxswainError } from "./errors.js";
export type { CoxswainErrorOptions, ErrorCode } from "./errors.js";
export type { FinishReason } from "./generation/index.js";
export type { EventName, RunEvent, RunView, StepLine as StepMetrics, StepView } from "./telemetry/index.js";
