/**
 * Attention in blocks of consecutive places, in a loop: a block's queries see no key after the block, nor any before its
 * window, so those are left out, and only one block's probabilities are in memory at a time.
 */
import type { AttentionSettings } from "../../ops.js";
import type { AttentionBlocks, GraphContext } from "../context.js";
import { nth, type Dims, type GraphBuilder, type Value } from "../graph-builder.js";
import { loop } from "../loop.js";
import { probabilities, stack, unstack } from "./attention-core.js";
import { throughSoftCap } from "./soft-cap.js";
import { groupSize, mergeHeads, mergeQueryBlocks, splitQueries, sumPerQuery } from "./heads.js";

export interface AttentionInputs {
  /** [rows, keyValueHeads, group, length, headDim] */
  readonly queries: Value;
  /** [rows, keyValueHeads, length, headDim] */
  readonly keys: Value;
  readonly values: Value;
}

/** @returns [tokens, heads * headDim] */
export function blockedAttention(
  context: GraphContext,
  blocks: AttentionBlocks,
  inputs: AttentionInputs,
  settings: AttentionSettings,
): Value {
  const mask = context.scope.mask(settings.window);
  const { given } = loop(context.graph, blocks.count, [], (body, round) => {
    const view = new BlockView(body, round, blocks, settings);
    const { p } = probabilities(body, view.queries(inputs.queries), view.keys(inputs.keys), view.mask(mask), settings);
    const mixed = body.op("MatMul", [p, view.keys(inputs.values)]);
    return { carried: [], given: [{ value: unstack(body, mixed, settings), dims: blockDims(settings) }] };
  });
  return mergeQueryBlocks(context, nth(given, 0), settings);
}

/**
 * With P the probabilities and dP = gradient v^T: the scores' gradient is P (dP - rowsum(P dP)), and rowsum(P dP) is
 * the sum over headDim of gradient * output (as in FlashAttention, Dao 2022). Keys' and values' gradients are computed
 * transposed, so that the narrow matrix is the one that the product transposes.
 * @param output of the forward pass, [tokens, heads * headDim]
 */
export function blockedBackward(
  context: GraphContext,
  blocks: AttentionBlocks,
  inputs: AttentionInputs,
  output: Value,
  gradient: Value,
  settings: AttentionSettings,
): Record<"q" | "k" | "v", Value> {
  const { graph, scope } = context;
  const alpha = { float: settings.scale };
  const mask = scope.mask(settings.window);
  const toMixed = splitQueries(context, gradient, settings);
  const rowSums = sumPerQuery(context, graph.op("Mul", [gradient, output]), settings);
  const zeros = {
    value: zerosLike(context, inputs.keys),
    dims: ["rows", settings.keyValueHeads, settings.headDim, "length"],
  };
  const { carried, given } = loop(graph, blocks.count, [zeros, zeros], (body, round, [toKeys, toValues]) => {
    const view = new BlockView(body, round, blocks, settings);
    const queries = view.queries(inputs.queries);
    const keys = view.keys(inputs.keys);
    const { p, scores } = probabilities(body, queries, keys, view.mask(mask), settings);
    const ofBlock = view.queries(toMixed);
    const toP = body.runtimeOp("FusedMatMul", [ofBlock, view.keys(inputs.values)], { transB: 1 });
    const toCapped = body.op("Mul", [p, body.op("Sub", [toP, view.queries(rowSums, 1)])]);
    const toScores = throughSoftCap(body, toCapped, scores, settings.softCap);
    const toQueries = body.runtimeOp("FusedMatMul", [toScores, keys], { alpha });
    const toBlockKeys = body.runtimeOp("FusedMatMul", [queries, toScores], { transA: 1, alpha });
    const toBlockValues = body.runtimeOp("FusedMatMul", [ofBlock, p], { transA: 1 });
    return {
      carried: [view.addToPlaces(toKeys, toBlockKeys), view.addToPlaces(toValues, toBlockValues)],
      given: [{ value: unstack(body, toQueries, settings), dims: blockDims(settings) }],
    };
  });
  return {
    q: mergeQueryBlocks(context, nth(given, 0), settings),
    k: mergeHeads(context, nth(carried, 0), settings),
    v: mergeHeads(context, nth(carried, 1), settings),
  };
}

/** The part of whole tensors that one block needs. */
class BlockView {
  readonly #body: GraphBuilder;
  readonly #settings: AttentionSettings;
  readonly #length: Value;
  /** First place of the block, one past its last, and the first key in sight of any: int64 [1]. */
  readonly #start: Value;
  readonly #end: Value;
  readonly #begin: Value;

  constructor(body: GraphBuilder, round: Value, blocks: AttentionBlocks, settings: AttentionSettings) {
    this.#body = body;
    this.#settings = settings;
    this.#length = blocks.length;
    this.#start = body.op("Mul", [round, blocks.size]);
    this.#end = body.op("Add", [this.#start, blocks.size]);
    const { window } = settings;
    this.#begin =
      window === null
        ? body.ints([0])
        : body.op("Max", [body.op("Sub", [this.#start, body.ints([window - 1])]), body.ints([0])]);
  }

  /** Of [rows, keyValueHeads, group, length, width]: the block's places, stacked. */
  queries(whole: Value, width = this.#settings.headDim): Value {
    return stack(this.#body, this.#slice(whole, 3, this.#start), width);
  }

  /** Of [rows, keyValueHeads, length, headDim]: the keys or values in sight. */
  keys(whole: Value): Value {
    return this.#slice(whole, 2, this.#begin);
  }

  /** Of [rows, 1, 1, length, length]: the block's queries, the keys in sight. */
  mask(whole: Value): Value {
    return this.#slice(this.#slice(whole, 3, this.#start), 4, this.#begin);
  }

  /** Adds [rows, keyValueHeads, headDim, keys in sight] to its places in [rows, keyValueHeads, headDim, length]. */
  addToPlaces(sum: Value | undefined, part: Value): Value {
    const body = this.#body;
    const none = body.ints([0, 0, 0]);
    const behind = body.op("Sub", [this.#length, this.#end]);
    const pads = body.op("Concat", [none, this.#begin, none, behind], { axis: 0 });
    return body.op("Add", [sum ?? null, body.op("Pad", [part, pads])]);
  }

  #slice(whole: Value, axis: number, from: Value): Value {
    return this.#body.op("Slice", [whole, from, this.#end, this.#body.ints([axis])]);
  }
}

/** Dimensions of a block's queries, not stacked. */
const blockDims = (settings: AttentionSettings): Dims => {
  return ["rows", settings.keyValueHeads, groupSize(settings), "block", settings.headDim];
};

/** 0 in [rows, keyValueHeads, headDim, length]. */
function zerosLike({ graph }: GraphContext, keys: Value): Value {
  const [rows, heads, length, width] = [0, 1, 2, 3].map((axis) =>
    graph.op("Shape", [keys], { start: axis, end: axis + 1 }),
  );
  return graph.op("ConstantOfShape", [
    graph.op("Concat", [rows ?? null, heads ?? null, width ?? null, length ?? null], { axis: 0 }),
  ]);
}
