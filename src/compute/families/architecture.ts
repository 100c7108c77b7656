/** What a model of any family is: its linear layers, its weights, its forward pass. */
export { headWeight, projections, weightShapes } from "./decoder-weights.js";
export { hiddenStates } from "./decoder.js";
