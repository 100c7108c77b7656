export { LeasePlan } from "./lease-plan.js";
export { MembershipMachine } from "./membership.js";
export type { Done, Effect, Event, Held, Loaded, MembershipEnd, Message, ShardLoss, Task } from "./types.js";
