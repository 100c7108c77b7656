/**
 * Linear layers of one input, with adapters. Weights are frozen: their gradients are never formed. Sums of products are
 * formed by the products themselves (Gemm's addend), which saves passes over [tokens, features].
 */
import type { Projection } from "../../ops.js";
import type { Adapter, GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";
import { frozenProduct, narrowed } from "./frozen.js";
import { lowRank, lowRankBackward } from "./low-rank.js";

/** A module in this use: its output, and where it is adapted its adapter and low = x A^T [tokens, r]. */
interface Use {
  readonly module: Projection;
  readonly output: Value;
  readonly adapted: { readonly adapter: Adapter; readonly low: Value } | null;
}

export function project(context: GraphContext, x: Value, modules: readonly Projection[]): Value[] {
  const adapters = modules.map(({ path }) => context.adapters.modules.get(path));
  const lows = lowRank(
    context,
    x,
    adapters.filter((adapter) => adapter !== undefined),
  );
  const factor = narrowed(context.graph, context.weights.type, x);
  const uses = modules.map((module, i): Use => {
    const adapter = adapters[i];
    const low = adapter === undefined ? undefined : lows.shift();
    const adapted = adapter === undefined || low === undefined ? null : { adapter, low };
    return { module, adapted, output: forward(context, factor, module, adapted) };
  });
  const { tape } = context;
  if (tape !== null) {
    // Where x needs no gradient (in the first layer), a module without an adapter has nothing to pass on.
    const flowing = uses.filter(({ adapted }) => adapted !== null || tape.needs(x));
    tape.record(
      flowing.map(({ output }) => output),
      (gradients) => backward(context, x, flowing, gradients),
    );
  }
  return uses.map(({ output }) => output);
}

/**
 * x W^T + bias + scale * low B^T, where W is [out, in]
 * @param x in the type that products with weights are computed in
 */
function forward(context: GraphContext, x: Value, module: Projection, adapted: Use["adapted"]): Value {
  const { graph, weights, adapters } = context;
  const weight = weights.factor(`${module.path}.weight`);
  const transB = module.inputsFirst !== true;
  let addend = module.bias ? weights.vector(`${module.path}.bias`) : null;
  if (adapted !== null) {
    const { adapter, low } = adapted;
    const alpha = adapters.scale;
    addend =
      addend === null
        ? graph.product(low, adapter.b, { transB: true, alpha })
        : graph.op("Gemm", [low, adapter.b, addend], { transB: 1, alpha: { float: alpha } });
  }
  const output = frozenProduct(graph, weights.type, { x, weight, transB, addend, label: module.path });
  return graph.declare(output, ["tokens", module.outFeatures]);
}

function backward(
  context: GraphContext,
  x: Value,
  uses: readonly Use[],
  gradients: readonly (Value | undefined)[],
): void {
  const { graph, adapters, tape } = context;
  if (tape === null) return;
  const alpha = adapters.scale;
  const adapted: Adapter[] = [];
  const toLow: Value[] = [];
  let toInput: Value | null = null;
  uses.forEach((use, i) => {
    const gradient = gradients[i];
    if (gradient === undefined) return;
    if (tape.needs(x)) toInput = throughWeight(context, use.module, gradient, toInput);
    if (use.adapted === null) return;
    const { adapter, low } = use.adapted;
    // B's gradient is computed transposed: the narrow matrix is then the one that the product transposes.
    const toB = graph.product(low, gradient, { transA: true, alpha });
    tape.accumulate(adapter.b, graph.op("Transpose", [toB], { perm: [1, 0] }));
    toLow.push(graph.product(gradient, adapter.b, { alpha }));
    adapted.push(adapter);
  });
  toInput = lowRankBackward(context, x, adapted, toLow, toInput);
  if (toInput !== null) tape.accumulate(x, toInput);
}

/** gradient W, added to `sum`. */
function throughWeight(
  { graph, weights }: GraphContext,
  module: Projection,
  gradient: Value,
  sum: Value | null,
): Value {
  return frozenProduct(graph, weights.type, {
    x: narrowed(graph, weights.type, gradient),
    weight: weights.factor(`${module.path}.weight`),
    transB: module.inputsFirst === true,
    addend: sum,
    label: `gradient.${module.path}`,
  });
}
