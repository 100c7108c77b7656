/** The cost model and its simulation, for tests and for bench/scaling.mjs. */
export { bestTwoLevelMesh, contributionsOf, mesh, star, twoLevelMesh } from "./model.js";
export type { Costs, Modelled } from "./model.js";
export { allReduceOnOneMachine } from "./one-machine.js";
export { links, reducersOf, scenarioOf } from "./scenarios.js";
export type { Link, Scenario } from "./scenarios.js";
export { simulate } from "./simulate.js";
export type { Simulated } from "./simulate.js";
