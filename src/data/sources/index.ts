/** Where examples come from: resolves the sources of a run to files, and reads their examples one at a time. */
export { checkSources } from "./check-sources.js";
export { SourceCounts, sourceLines, type SourceStatistics } from "./counts.js";
export { DatasetVersions, type DatasetVersionsOptions, type RecordedDataset } from "./dataset-versions.js";
export { contentNumber } from "./content.js";
export { largestRecord, tooLarge } from "./lines.js";
export { Duplicates } from "./duplicates.js";
export { filesOf } from "./files.js";
export { readRecords, type ReadOptions } from "./reader.js";
export type { DataRecord } from "./record.js";
export { dataOf, namesOf, selectionOf, type DataInput, type DataSelection, type RunData } from "./selection.js";
export { SourceFormats, type FormatOfSource } from "./source-formats.js";
