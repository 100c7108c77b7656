export { environmentProxy, proxyAnswer, proxyHint } from "./environment.js";
export type { Environment, Proxy, Target } from "./environment.js";
