/**
 * The graphs that run over a batch of rows: its loss, and its loss with the gradient of every adapter tensor (forward
 * and backward in one graph).
 */
import type { ComputeType, Device } from "../engine.js";
import { headWeight, hiddenStates, rotariesOf, type DecoderSpec } from "../families/index.js";
import type { LoraLayout } from "../../model/index.js";
import { BatchScope } from "./batch-scope.js";
import { Activations, type GraphContext } from "./context.js";
import { GraphBuilder, type Value } from "./graph-builder.js";
import { adapterInputs, gradientName, sequenceInputs } from "./graph-inputs.js";
import { GraphOps } from "./graph-ops.js";
import { chunkedLoss } from "./loss.js";
import { Shapes } from "./shapes.js";
import { Parameters, Tape } from "./tape.js";
import { Weights, type WeightSources } from "./weights.js";

export interface BatchGraphOptions extends WeightSources {
  readonly spec: DecoderSpec;
  readonly layout: LoraLayout;
  readonly device: Device;
  /** Of products with weights. */
  readonly dtype: ComputeType;
  /** Whether adapter gradients are computed. */
  readonly gradients: boolean;
  /** Probability of dropout before A; 0 has no masks as inputs. */
  readonly dropout: number;
  readonly gradientCheckpointing: boolean;
}

/** The graph output of the supervised tokens' losses, [chunks, chunk, 1]. */
export const lossesName = "losses";

/** The model file's bytes. Weights are external data in the model's folder. */
export function batchGraph(options: BatchGraphOptions): Uint8Array {
  const { spec, layout, gradientCheckpointing } = options;
  const graph = GraphBuilder.for(options.device);
  const { settings, parameters } = adapterInputs(graph, layout, options.dropout);
  const inputs = sequenceInputs(graph, rotariesOf(spec));
  const sum = (a: Value, b: Value): Value => graph.op("Add", [a, b]);
  const tape = options.gradients ? new Tape(new Parameters(parameters), sum) : null;
  const context: GraphContext = {
    graph,
    weights: new Weights(graph, options, options.dtype),
    adapters: settings,
    inputs,
    shapes: new Shapes(graph, inputs.tokenIds),
    scope: new BatchScope(graph, graph.input("segments", "int32", ["rows", "length"])),
    tape,
    activations: new Activations(graph, !gradientCheckpointing),
  };
  const hidden = hiddenStates(new GraphOps(context, gradientCheckpointing), spec);
  const toHidden = addLoss(context, hidden, spec);
  if (tape !== null && toHidden !== null) {
    tape.accumulate(hidden, toHidden);
    tape.backward();
    addGradients(graph, layout, parameters, tape.parameters);
  }
  return graph.model(`${spec.family} ${options.gradients ? "gradients" : "loss"}`);
}

/** @returns gradient of the loss with respect to `hidden`, null without a tape */
function addLoss({ graph, weights, tape }: GraphContext, hidden: Value, spec: DecoderSpec): Value | null {
  const inputs = {
    tokens: graph.input("loss_tokens", "int32", ["chunks", "chunk"]),
    targets: graph.input("loss_targets", "int32", ["chunks", "chunk", 1]),
    weights: graph.input("loss_weights", "float32", ["chunks", "chunk", 1]),
  };
  const places = tape === null ? null : graph.input("loss_places", "int32", ["tokens"]);
  const head = { weight: weights.factor(headWeight(spec)), type: weights.type };
  const { losses, toHidden } = chunkedLoss(graph, hidden, head, { ...inputs, places }, spec);
  graph.output(lossesName, losses, "float32", ["chunks", "chunk", 1]);
  return toHidden;
}

function addGradients(
  graph: GraphBuilder,
  layout: LoraLayout,
  parameters: readonly Value[],
  gradients: Parameters,
): void {
  layout.tensors.forEach(({ shape }, index) => {
    const parameter = parameters[index];
    const gradient = parameter && gradients.gradientOf(parameter);
    if (gradient !== undefined) graph.output(gradientName(index), gradient, "float32", shape);
  });
}
