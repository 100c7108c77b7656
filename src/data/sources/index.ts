/** Where examples come from: resolves the sources of a run to files, and reads their examples one at a time. */
export { checkSources } from "./check-sources.js";
export { readRecords } from "./reader.js";
export type { DataRecord } from "./reader.js";
