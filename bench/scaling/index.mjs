/** The cost model and its simulation, for tests and for bench/scaling.mjs; index.d.mts has the types. */
export { bestTwoLevelMesh, contributionsOf, mesh, star, twoLevelMesh } from "./model.mjs";
export { allReduceOnOneMachine } from "./one-machine.mjs";
export { links, reducersOf, scenarioOf } from "./scenarios.mjs";
export { simulate } from "./simulate.mjs";
export { standIn } from "./stand-in.mjs";
