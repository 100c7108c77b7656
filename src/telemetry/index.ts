/** Metrics, logs and the run's own files: the public interface of `telemetry/`. */
export {
  createCoordinatorMetrics,
  directions,
  leaseResults,
  runOutcomes,
  stepPhases,
  tokenKinds,
  workerStates,
  type CoordinatorMetrics,
  type Departure,
} from "./coordinator-metrics.js";
export { JsonLinesFile, readLines } from "./json-lines.js";
export { serveTelemetry, type TelemetryOptions, type TelemetryServer, type Verdict } from "./http.js";
export { LogFile } from "./log-file.js";
export {
  createLogger,
  levelFromEnvironment,
  logLevels,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogStream,
  type OpenLogger,
} from "./logger.js";
export type { Counter, Gauge, Histogram, MetricsText } from "./prometheus.js";
export { plain, type Page, type Reply } from "./reply.js";
export {
  openRunFiles,
  readRunRecord,
  refuseOldRun,
  type EvalLine,
  type EventName,
  type RunEvent,
  type RunFiles,
  type RunFilesOptions,
  type RunRecord,
  type StepLine,
  type UnwrittenLines,
} from "./run-files.js";
export type { RunListener } from "./run-listener.js";
export type { RunView, StepView } from "./run-view.js";
export { readEvents, readMetrics } from "./run-lines.js";
export { readSamples, type Sample } from "./samples.js";
export { readRunSummary, type RecordedState, type RunSummary } from "./run-summary.js";
export { createSweepMetrics, trialStates, type SweepMetrics } from "./sweep-metrics.js";
export {
  createWorkerMetrics,
  workerActivities,
  type WorkerActivity,
  type WorkerMembership,
  type WorkerMetrics,
} from "./worker-metrics.js";
