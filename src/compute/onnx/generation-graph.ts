/** The graph of a generation step: new tokens and the cache so far to logits of each row's last token and the new cache. */
import { headWeight, hiddenStates, rotariesOf } from "../families/index.js";
import type { BatchGraphOptions } from "./batch-graph.js";
import { CacheScope } from "./cache-scope.js";
import { Activations, type GraphContext } from "./context.js";
import { GraphBuilder } from "./graph-builder.js";
import { adapterInputs, sequenceInputs } from "./graph-inputs.js";
import { GraphOps } from "./graph-ops.js";
import { frozenProduct, narrowed } from "./operations/frozen.js";
import { softCapped } from "./operations/soft-cap.js";
import { Shapes } from "./shapes.js";
import { Weights } from "./weights.js";

/** The graph output [rows, vocabulary]. */
export const logitsName = "logits";
/** The graph input of the token of each row whose logits are wanted, as an index into [rows * length], int32 [rows]. */
export const lastTokensName = "last_tokens";

export type GenerationGraphOptions = Pick<
  BatchGraphOptions,
  "model" | "nf4" | "spec" | "layout" | "device" | "dtype" | "resident"
>;

/** The model file's bytes. Weights are external data in the model's folder. */
export function generationGraph(options: GenerationGraphOptions): Uint8Array {
  const { spec, layout, device, dtype } = options;
  const graph = GraphBuilder.for(device);
  const { settings } = adapterInputs(graph, layout, 0);
  const inputs = sequenceInputs(graph, rotariesOf(spec));
  const weights = new Weights(graph, options, dtype);
  const context: GraphContext = {
    graph,
    weights,
    adapters: settings,
    inputs,
    shapes: new Shapes(graph, inputs.tokenIds),
    scope: new CacheScope(graph, spec, inputs.positions),
    tape: null,
    activations: new Activations(graph, false),
  };
  const hidden = hiddenStates(new GraphOps(context, false), spec);
  const last = graph.op("Gather", [hidden, graph.input(lastTokensName, "int32", ["rows"])], { axis: 0 });
  const logits = frozenProduct(graph, dtype, {
    x: narrowed(graph, dtype, last),
    weight: weights.factor(headWeight(spec)),
    transB: true,
    label: "logits",
  });
  graph.output(logitsName, softCapped(graph, logits, spec.logitSoftCap), "float32", ["rows", spec.vocabularySize]);
  return graph.model(`${spec.family} generation`);
}
