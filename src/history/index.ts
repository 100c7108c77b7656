/** What runs have recorded, read to be drawn and compared: the public interface of `history/`. */
export { readLosses, readRunsBeside, type RunBeside } from "./beside.js";
export { findRunFolder } from "./locate.js";
export type { Losses } from "./losses.js";
export { distinctNames } from "./names.js";
export { historyNotes } from "./notes.js";
export { readHistory, type Curve, type CurveName, type CurvePoint, type RunHistory } from "./read.js";
