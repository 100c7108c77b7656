export { environmentProxy, proxyAnswer, proxyHint, proxyVariablesSet } from "./environment.js";
export type { Environment, Proxy, Target } from "./environment.js";
