export { adamwConstants, adamwUpdate } from "./adamw.js";
export type { AdamwSettings, AdamwState, AdamwUpdate } from "./adamw.js";
export { clipCoefficient, globalNorm, normOfSquareSums } from "./clip.js";
export { Replica } from "./replica.js";
export type { ReplicaState, ReplicaUpdate } from "./replica.js";
export { learningRateSchedule, warmupSteps } from "./schedule.js";
export type { ScheduleSettings } from "./schedule.js";
