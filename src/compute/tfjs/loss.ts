/**
 * Cross-entropy of the supervised tokens only, in chunks of equal size (see `batch/chunks.ts`), so that logits
 * [tokens, vocabulary] never exist at once. A chunk's gradient with respect to the hidden states is formed in the same
 * pass; the head is frozen and needs none.
 *
 * Of a row of logits l with target t: loss = max(l) - log(max(p)) - l[t], where p = softmax(l) and max(p) is at least
 * 1 / vocabulary, so nothing underflows. With p - onehot(t) the gradient of l, that of the hidden states is
 * p head - head[t]. If logits are soft-capped, l is the capped value.
 */
import {
  concat,
  gather,
  log,
  max,
  mul,
  oneHot,
  reshape,
  softmax,
  sub,
  tensor1d,
  tensor2d,
  tidy,
  zeros,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { LossChunks } from "../batch/chunks.js";
import type { Products } from "./products.js";
import { softCapped, throughSoftCap } from "./soft-cap.js";

export interface ChunkedLoss {
  /** Sum of the losses, nats: in f64 and in order, the same on any machine. */
  readonly lossSum: number;
  /** Gradient of the sum with respect to `hidden`, [tokens, hidden]; null if it was not requested. */
  readonly toHidden: Tensor | null;
}

export interface Output {
  readonly products: Products;
  /** [tokens, hidden] */
  readonly hidden: Tensor;
  /** [vocabulary, hidden] */
  readonly head: Tensor;
  readonly softCap: number | null;
}

/**
 * @param withGradient whether to compute the gradient
 */
export function chunkedLoss(output: Output, chunks: LossChunks, withGradient: boolean): ChunkedLoss {
  let lossSum = 0;
  const toChunks: Tensor[] = [];
  for (let first = 0; first < chunks.tokens.length; first += chunks.chunk) {
    const [losses, gradient] = oneChunk(output, chunkAt(chunks, first), withGradient);
    for (const loss of losses.dataSync<"float32">()) lossSum += loss;
    losses.dispose();
    if (gradient !== undefined) toChunks.push(gradient);
  }
  if (!withGradient) return { lossSum, toHidden: null };
  const toHidden = tidy(() => {
    // Each token takes its gradient, or the zeros after the last.
    const rows = concat([...toChunks, zeros([1, output.hidden.shape[1] ?? 0])], 0);
    return gather(rows, tensor1d(chunks.places.slice(), "int32"));
  });
  for (const each of toChunks) each.dispose();
  return { lossSum, toHidden };
}

type Chunk = Pick<LossChunks, "tokens" | "targets" | "weights">;

const chunkAt = ({ tokens, targets, weights, chunk }: LossChunks, first: number): Chunk => ({
  tokens: tokens.slice(first, first + chunk),
  targets: targets.slice(first, first + chunk),
  weights: weights.slice(first, first + chunk),
});

/** Losses [chunk, 1], 0 for padding, and the gradient of their sum, [chunk, hidden]. */
function oneChunk(
  { products, hidden, head, softCap }: Output,
  { tokens, targets, weights: counted }: Chunk,
  withGradient: boolean,
): [losses: Tensor, gradient?: Tensor] {
  return tidy((): [Tensor, Tensor?] => {
    const [vocabulary = 1] = head.shape;
    const weights = tensor2d(counted, [counted.length, 1], "float32");
    const logits = softCapped(products.transposedRight(gather(hidden, tensor1d(tokens, "int32")), head), softCap);
    const places = targets.map((target, row) => row * vocabulary + target);
    const ofTarget = reshape(gather(reshape(logits, [-1]), tensor1d(places, "int32")), [-1, 1]);
    const probabilities = softmax(logits);
    const logHighest = log(max(probabilities, -1, true));
    const losses = mul(sub(sub(max(logits, -1, true), logHighest), ofTarget), weights);
    if (!withGradient) return [losses];
    const toSupervised = softCap === null ? throughHead() : products.plain(throughCap(softCap), head);
    return [losses, mul(toSupervised, weights)];

    /** Without a cap, no further tensor of the size of the logits is needed. */
    function throughHead(): Tensor {
      return sub(products.plain(probabilities, head), gather(head, tensor1d(targets, "int32")));
    }

    function throughCap(cap: number): Tensor {
      const toCapped = sub(probabilities, oneHot(tensor1d(targets, "int32"), vocabulary));
      return throughSoftCap(toCapped, logits, cap);
    }
  });
}
