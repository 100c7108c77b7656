export { DataSummariser } from "./data-summary.js";
export type { DataSummary, Occurrences, SourceSummary, SummaryCounts } from "./data-summary.js";
export type { LengthBin, LengthStatistics } from "./lengths.js";
