/**
 * The functions of the library, one file per function: the public face of `library/`. `src/index.ts`, the entry point of
 * the package, exports those for programs; the command line also uses lower-level ones.
 */
export { describeData } from "./describe-data.js";
export type { DescribedData, DescribedSide } from "./describe-data.js";
export { asCoxswainError } from "./errors.js";
export { evaluate, evaluateWith } from "./evaluate.js";
export type { Answer, EvaluatedLoss, EvaluateOptions, Evaluation, ExactMatch } from "./evaluate.js";
export { findLearningRate, rangeTestFolder } from "./find-learning-rate.js";
export type { FindLearningRateOptions, FoundLearningRate } from "./find-learning-rate.js";
export { generate, generateWith } from "./generate.js";
export type { DrawingOptions, GeneratedAnswer, GenerateOptions, GenerateResult } from "./generate.js";
export { loadRun } from "./load-run.js";
export type { DeepPartial, RunOverrides, RunSource } from "./load-run.js";
export { openChat, type ChatAnswer, type ChatSide, type ChatSides } from "./chat.js";
export { exportAdapter } from "./export-adapter.js";
export type { ExportOptions, ExportResult, GgufReport } from "./export-adapter.js";
export { findAdapter } from "./find-adapter.js";
export { merge } from "./merge.js";
export type { MergeOptions, MergeReport, MergeResult, MergeType, Quantization, RoundingCost } from "./merge.js";
export type { ModelOptions, OpenEngine } from "./model-options.js";
export { interrupted, newestSavedStep, openRun, startSharedWorkers } from "./open-run.js";
export type { FinishedRun, OpenRun, OpenRunOptions, WorkerPool } from "./open-run.js";
export { preview } from "./preview.js";
export type {
  DataStatistics,
  DropReason,
  Preview,
  PreviewOptions,
  PreviewPiece,
  PreviewRow,
  SplitConversations,
} from "./preview.js";
export { contradiction, conversationOf, promptTokens } from "./prompt.js";
export type { PromptRequest } from "./prompt.js";
export { push } from "./push.js";
export type { PushOptions, PushResult } from "./push.js";
export type { BestEvaluation, CoordinatorOptions, TrainingRun, TrainOptions, TrainResult } from "./run.js";
export { startCoordinator } from "./start-coordinator.js";
export { openWorker, startWorker } from "./start-worker.js";
export type { RunningWorker, StartWorkerOptions, WorkerEnd, WorkerSettings, WorkerTls } from "./start-worker.js";
export { train } from "./train.js";
