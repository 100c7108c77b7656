/** What runs have recorded, read to be drawn and compared: the public interface of `history/`. */
export { findRunFolder } from "./locate.js";
export { distinctNames } from "./names.js";
export { historyNotes } from "./notes.js";
export { readHistory, type Curve, type CurveName, type CurvePoint, type RunHistory } from "./read.js";
