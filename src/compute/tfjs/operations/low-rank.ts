/**
 * The first half of adapters: x A^T for all adapters of the same input. Without dropout they are one product with the
 * stacked A matrices, and so is the gradient of all A. With dropout each module has its own view of x, as in PEFT.
 */
import { add, cast, concat, mul, split, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { Adapter } from "../adapters.js";
import type { TensorContext } from "../context.js";

export interface LowRankPart {
  readonly adapter: Adapter;
  /** scale * x A^T, where x is after dropout, [tokens, r]. */
  readonly low: Tensor;
  /** Which elements of x are kept, bool [tokens, in]; null without dropout. */
  readonly mask: Tensor | null;
}

/** One part per adapter; the caller owns their tensors. */
export function lowRank(
  context: TensorContext,
  x: Tensor,
  modules: readonly { readonly path: string; readonly adapter: Adapter }[],
): LowRankPart[] {
  const { products, adapters, dropout } = context;
  if (modules.length === 0) return [];
  if (dropout !== null) {
    return modules.map(({ path, adapter }) => {
      const mask = tensor(dropout.mask(path, x.size), x.shape, "bool");
      const scale = adapters.scale * dropout.keepScale;
      const low = tidy(() => mul(products.transposedRight(kept(x, mask), adapter.a), scale));
      return { adapter, low, mask };
    });
  }
  const lows = tidy(() => {
    const all = mul(products.transposedRight(x, stackedA(modules.map(({ adapter }) => adapter))), adapters.scale);
    return equalParts(all, modules.length, 1);
  });
  return modules.flatMap(({ adapter }, i) => {
    const low = lows[i];
    return low === undefined ? [] : [{ adapter, low, mask: null }];
  });
}

export interface LowRankGradients {
  readonly toA: ReadonlyMap<LowRankPart, Tensor>;
  /** Of x, through the adapters; undefined if x needs none. */
  readonly toX: Tensor | undefined;
}

/**
 * From the gradients of x A^T to those of A, and of x.
 * @param toLow gradient of x A^T of the adapters that have one, [tokens, r] each
 * @param needed whether x needs a gradient
 */
export function lowRankBackward(
  context: TensorContext,
  x: Tensor,
  toLow: ReadonlyMap<LowRankPart, Tensor>,
  needed: boolean,
): LowRankGradients {
  const { products, dropout } = context;
  const parts = [...toLow.keys()];
  if (parts.length === 0) return { toA: new Map(), toX: undefined };
  if (dropout !== null) return droppedBackward(context, x, toLow, needed, dropout.keepScale);
  const all = concat([...toLow.values()], 1);
  const toStacked = products.transposedLeft(all, x);
  const pieces = equalParts(toStacked, parts.length, 0);
  const toA = new Map(parts.map((part, i) => [part, pieces[i] ?? toStacked]));
  return { toA, toX: needed ? products.plain(all, stackedA(parts.map(({ adapter }) => adapter))) : undefined };
}

function droppedBackward(
  { products }: TensorContext,
  x: Tensor,
  toLow: ReadonlyMap<LowRankPart, Tensor>,
  needed: boolean,
  keepScale: number,
): LowRankGradients {
  const toA = new Map<LowRankPart, Tensor>();
  let toX: Tensor | undefined;
  for (const [part, gradient] of toLow) {
    const scaled = mul(gradient, keepScale);
    toA.set(part, products.transposedLeft(scaled, kept(x, part.mask)));
    if (!needed) continue;
    const through = kept(products.plain(scaled, part.adapter.a), part.mask);
    toX = toX === undefined ? through : add(toX, through);
  }
  return { toA, toX };
}

/** x after dropout, not yet scaled. */
const kept = (x: Tensor, mask: Tensor | null): Tensor => (mask === null ? x : mul(x, cast(mask, "float32")));

/** The stacked A matrices, [adapters * r, in]. */
const stackedA = (adapters: readonly Adapter[]): Tensor =>
  concat(
    adapters.map(({ a }) => a),
    0,
  );

const equalParts = (x: Tensor, count: number, axis: number): Tensor[] => (count === 1 ? [x] : split(x, count, axis));
