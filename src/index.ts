/**
 * Coxswain as a library: distributed LoRA fine-tuning within a program of Node.js. Importing it starts nothing and loads
 * nothing large; the functions print nothing, hear no signals and never end the process.
 *
 * @module
 */
export { evaluate, generate, loadRun, merge, preview, startCoordinator, startWorker, train } from "./library/index.js";
export type {
  Answer,
  CoordinatorOptions,
  DataStatistics,
  DeepPartial,
  DrawingOptions,
  DropReason,
  EvaluatedLoss,
  EvaluateOptions,
  Evaluation,
  ExactMatch,
  GeneratedAnswer,
  GenerateOptions,
  GenerateResult,
  MergeOptions,
  MergeReport,
  MergeResult,
  MergeType,
  ModelOptions,
  Preview,
  PreviewOptions,
  PreviewPiece,
  PreviewRow,
  Quantization,
  RoundingCost,
  RunningWorker,
  RunOverrides,
  RunSource,
  StartWorkerOptions,
  TrainingRun,
  TrainOptions,
  TrainResult,
  WorkerEnd,
  WorkerSettings,
  WorkerTls,
} from "./library/index.js";
export type { LoadedRun, RunConfig, RunConfigInput } from "./config/index.js";
export type { Checkpoint, RunState, RunStatus, WorkerState, WorkerStatus } from "./control/index.js";
export type { ChatMessage, DataFormat } from "./data/index.js";
export { CoxswainError } from "./errors.js";
export type { CoxswainErrorOptions, ErrorCode } from "./errors.js";
export type { FinishReason } from "./generation/index.js";
export type { EventName, RunEvent, RunView, StepLine as StepMetrics, StepView } from "./telemetry/index.js";
