/** `coxswain doctor`: examines this machine, and measures what training a model on it needs. */
export { advise, type Advice } from "./advice.js";
export { examineMachine, examineMemory, type Finding, type Memory } from "./machine.js";
export { examineModel, nameOf, type MethodNeeds, type ModelDiagnosis, type ModelQuestion } from "./model.js";
export { sampleText } from "./sample-text.js";
export { bytesText, countText } from "./units.js";
