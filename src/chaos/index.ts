/** Fault injection: the public interface of `chaos/`. */
export { completePlan, faultKinds, parseSlowness, planFlags } from "./plan.js";
export type { ChaosPlan, FaultKind, PlanRequest } from "./plan.js";
export { exitCodeOf, goodputDefinition } from "./report.js";
export type { ChaosReport, Difference } from "./report.js";
export { runChaos } from "./run.js";
export type { ChaosOptions } from "./options.js";
