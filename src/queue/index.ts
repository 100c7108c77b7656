/** Serves the queue of submitted runs: the public face of `queue/`. */
export { serveQueue } from "./serve.js";
export type { QueueEvent, ServeOptions } from "./serve.js";
export type { Verdict } from "./verdict.js";
