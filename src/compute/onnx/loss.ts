/**
 * Cross-entropy of the supervised tokens only, in chunks of equal size (see `chunks.ts`), so that logits
 * [tokens, vocabulary] never exist at once. A chunk's gradient with respect to the hidden states is formed in the same
 * pass; the head is frozen and needs none.
 *
 * Of a row of logits l with target t: loss = max(l) - log(max(p)) - l[t], where p = softmax(l) and max(p) is at least
 * 1 / vocabulary, so nothing underflows; gradient of l = p - onehot(t). If logits are soft-capped, l is the capped
 * value.
 */
import type { ModelSpec } from "../families/index.js";
import type { ComputeType } from "../engine.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import { frozenProduct, narrowed } from "./operations/frozen.js";
import { softCapped, throughSoftCap } from "./operations/soft-cap.js";

/** The output layer. */
export interface LossHead {
  /** [vocabulary, hidden] */
  readonly weight: Value;
  /** Its type, in which the products of logits and their gradient are computed. Results are f32. */
  readonly type: ComputeType;
}

export interface LossInputs {
  /** Index of each supervised token, int32 [chunks, chunk]; padded with 0. */
  readonly tokens: Value;
  /** The token to be predicted there, int32 [chunks, chunk, 1]; padded with 0. */
  readonly targets: Value;
  /** 1, or 0 for padding, f32 [chunks, chunk, 1]. */
  readonly weights: Value;
  /**
   * Where in [chunks * chunk] each token of the batch is; the number after the last for one not supervised, int32
   * [tokens]. Null if no gradient is computed.
   */
  readonly places: Value | null;
}

export interface LossOutputs {
  /** Loss of each supervised token, 0 for padding, [chunks, chunk, 1]. */
  readonly losses: Value;
  /** Gradient of their sum with respect to `hidden`, [tokens, hidden]. */
  readonly toHidden: Value | null;
}

/**
 * @param hidden [tokens, hidden]
 */
export function chunkedLoss(
  graph: GraphBuilder,
  hidden: Value,
  head: LossHead,
  inputs: LossInputs,
  { hiddenSize, logitSoftCap }: Pick<ModelSpec, "hiddenSize" | "logitSoftCap">,
): LossOutputs {
  const { places } = inputs;
  const supervised = graph.op("Gather", [hidden, inputs.tokens], { axis: 0 });
  const body = chunkBody(graph, head, hiddenSize, logitSoftCap, places !== null);
  const outputs = graph.ops("Scan", [supervised, inputs.targets, inputs.weights], places === null ? 1 : 2, {
    body: { graph: body },
    num_scan_inputs: 3,
  });
  const [losses, toSupervised] = outputs as [Value, Value?];
  if (toSupervised === undefined || places === null) return { losses, toHidden: null };
  // Each token takes its gradient, or the zeros after the last.
  const rows = graph.op("Reshape", [toSupervised, graph.ints([-1, hiddenSize])]);
  const zeros = graph.op("ConstantOfShape", [graph.ints([1, hiddenSize])]);
  const toHidden = graph.op("Gather", [graph.op("Concat", [rows, zeros], { axis: 0 }), places], { axis: 0 });
  return { losses, toHidden };
}

/**
 * One chunk: (hidden [chunk, hidden], targets [chunk, 1], weights [chunk, 1]) -> losses [chunk, 1], gradient of hidden.
 */
function chunkBody(
  outer: GraphBuilder,
  { weight, type }: LossHead,
  hiddenSize: number,
  softCap: number | null,
  withGradient: boolean,
) {
  const graph = outer.body();
  const hidden = graph.input("chunk_hidden", "float32", ["chunk", hiddenSize]);
  const targets = graph.input("chunk_targets", "int32", ["chunk", 1]);
  const weights = graph.input("chunk_weights", "float32", ["chunk", 1]);
  const x = narrowed(graph, type, hidden);
  const products = frozenProduct(graph, type, { x, weight, transB: true, label: "logits" });
  const logits = softCapped(graph, products, softCap);
  const last = graph.ints([-1]);
  const highest = graph.op("ReduceMax", [logits, last], { keepdims: 1 });
  const ofTarget = graph.op("GatherElements", [logits, targets], { axis: 1 });
  const probabilities = graph.op("Softmax", [logits], { axis: -1 });
  const logHighest = graph.op("Log", [graph.op("ReduceMax", [probabilities, last], { keepdims: 1 })]);
  const loss = graph.op("Sub", [graph.op("Sub", [highest, logHighest]), ofTarget]);
  graph.output("chunk_losses", graph.op("Mul", [loss, weights]), "float32", ["chunk", 1]);
  if (withGradient) {
    // Shaped after `logHighest`, which reads the probabilities: they can then be changed in place.
    const minusOne = graph.op("Expand", [graph.float(-1), graph.op("Shape", [logHighest])]);
    const toCapped = graph.op("ScatterElements", [probabilities, targets, minusOne], { axis: 1, reduction: "add" });
    const toLogits = throughSoftCap(graph, toCapped, logits, softCap);
    const toHidden = frozenProduct(graph, type, {
      x: narrowed(graph, type, toLogits),
      weight,
      transB: false,
      label: "gradient.logits",
    });
    graph.output("chunk_gradient", graph.op("Mul", [toHidden, weights]), "float32", ["chunk", hiddenSize]);
  }
  return graph.graph("chunk");
}
