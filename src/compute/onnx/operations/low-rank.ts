/**
 * The first half of adapters: x A^T for all adapters of the same input. Without dropout they are one product with the
 * stacked A matrices, and so is the gradient of all A. With dropout each module has its own view of x, as in PEFT.
 */
import type { Adapter, GraphContext } from "../context.js";
import type { Value } from "../graph-builder.js";

/** x A^T of each adapter, [tokens, r] each. */
export function lowRank(context: GraphContext, x: Value, adapters: readonly Adapter[]): Value[] {
  const { graph, adapters: settings } = context;
  if (adapters.length === 0) return [];
  if (!isShared(adapters)) {
    const product = { transB: true, alpha: settings.keepScale };
    return adapters.map((adapter) => graph.product(kept(context, x, adapter), adapter.a, product));
  }
  const low = graph.product(x, stackedA(context, adapters), { transB: true });
  return split(context, low, adapters.length, 1);
}

/**
 * From the gradients of x A^T to those of A, and of x.
 * @param toLow gradient of each adapter's x A^T, [tokens, r]
 * @param toInput gradient of x so far, if any
 * @returns gradient of x, null if x needs none
 */
export function lowRankBackward(
  context: GraphContext,
  x: Value,
  adapters: readonly Adapter[],
  toLow: readonly Value[],
  toInput: Value | null,
): Value | null {
  const { graph, tape, activations } = context;
  const [first] = toLow;
  if (tape === null || first === undefined) return toInput;
  const input = activations.recall(x, first);
  if (!isShared(adapters)) {
    return adapters.reduce(
      (sum, adapter, i) => droppedBackward(context, x, input, adapter, toLow[i] ?? first, sum),
      toInput,
    );
  }
  const all = join(context, toLow, 1);
  const toA = graph.product(all, input, { transA: true });
  const parts = split(context, toA, adapters.length, 0);
  adapters.forEach(({ a }, i) => tape.accumulate(a, parts[i] ?? toA));
  if (!tape.needs(x)) return null;
  const a = stackedA(context, adapters);
  return toInput === null ? graph.op("MatMul", [all, a]) : graph.op("Gemm", [all, a, toInput]);
}

function droppedBackward(
  context: GraphContext,
  x: Value,
  input: Value,
  adapter: Adapter,
  toLow: Value,
  toInput: Value | null,
): Value | null {
  const { graph, tape, adapters } = context;
  const alpha = adapters.keepScale;
  const keptInput = kept(context, input, adapter);
  tape?.accumulate(adapter.a, graph.product(toLow, keptInput, { transA: true, alpha }));
  if (tape?.needs(x) !== true) return null;
  const through = kept(context, graph.product(toLow, adapter.a, { alpha }), adapter);
  return toInput === null ? through : graph.op("Add", [toInput, through]);
}

/** x after dropout, not yet scaled. */
function kept({ graph }: GraphContext, x: Value, { keep }: Adapter): Value {
  return keep === null ? x : graph.op("Where", [keep, x, graph.float(0)]);
}

const isShared = (adapters: readonly Adapter[]): boolean => adapters.every(({ keep }) => keep === null);

/** The stacked A matrices, [adapters * r, in]. */
const stackedA = (context: GraphContext, adapters: readonly Adapter[]): Value =>
  join(
    context,
    adapters.map(({ a }) => a),
    0,
  );

function join({ graph }: GraphContext, values: readonly Value[], axis: number): Value {
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : graph.op("Concat", values, { axis });
}

/** Equal parts of r each along `axis`. */
function split({ graph, adapters }: GraphContext, value: Value, parts: number, axis: number): Value[] {
  if (parts === 1) return [value];
  return graph.ops("Split", [value, graph.ints(Array<number>(parts).fill(adapters.r))], parts, { axis });
}
