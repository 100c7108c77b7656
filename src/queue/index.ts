/** Serves the queue of submitted runs: the public face of `queue/`. */
export { ProcessEnded } from "./aborted.js";
export { openRoots } from "./roots.js";
export type { Roots } from "./roots.js";
export { servedRun } from "./served-run.js";
export { serveQueue } from "./serve.js";
export type { QueueEvent, ServeOptions } from "./serve.js";
export type { Verdict } from "./verdict.js";
