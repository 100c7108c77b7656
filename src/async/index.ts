/** Promises, queues and waiting. */
export { detach } from "./detach.js";
export { nextWait, pause, type BackOff } from "./pause.js";
export { PendingCalls } from "./pending-calls.js";
export { AsyncQueue } from "./queue.js";
export { RecentItems } from "./recent-items.js";
export { whileWorking } from "./while-working.js";
