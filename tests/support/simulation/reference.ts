/**
 * The same training without a cluster: one loop that computes every shard of every step, adds the gradients along the
 * tree by plain recursion and applies AdamW. Whatever faults occur, a cluster must commit bitwise the same results.
 */
import { children, root, roundToBf16 } from "../../../src/collective/index.js";
import type { TreeNode, VectorDtype } from "../../../src/collective/index.js";
import { clipCoefficient, globalNorm, Replica } from "../../../src/optim/index.js";

/** Elements of the gradient; slices begin at multiples of `sliceBlock`. */
export const gradientSize = 24;
export const sliceBlock = 4;

export const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
export const learningRate = (step: number): number => 0.01 / step;
export const clip = (norm: number): number => clipCoefficient(norm, 1);

/** The row of the data set for a shard of a step: every shard is one row. */
export const rowOf = (step: number, shard: number): number => (step * 7919 + shard * 31) % 997;

/**
 * Writes the gradient of a shard. The elements differ so much in magnitude that their sum depends on the order of
 * addition. They depend on the row, the dropout key (step and shard) and the parameters, so that an error in any of
 * these changes the result.
 */
export function writeGradient(
  into: Float32Array,
  parameters: Float32Array,
  { row, step, shard }: { readonly row: number; readonly step: number; readonly shard: number },
): void {
  for (let index = 0; index < into.length; index++) {
    const mixed =
      Math.imul(row * 2_246_822_519 + step * 7919 + shard * 104_729 + index * 1_299_709, 2_654_435_761) >>> 0;
    into[index] = (mixed / 2 ** 31 - 1) * 10 ** (mixed % 4) + (parameters[index] ?? 0) * (1 + shard);
  }
}

export class Reference {
  readonly #replica = new Replica(gradientSize, optimiser);
  readonly #shards: number;
  readonly #dtype: VectorDtype;
  readonly #hashes: string[];
  readonly #sums: Float32Array[] = [];

  constructor(shards: number, dtype: VectorDtype) {
    this.#shards = shards;
    this.#dtype = dtype;
    this.#hashes = [this.#replica.hash()];
  }

  /** The hash of the state after a step. */
  hash(step: number): string {
    while (this.#hashes.length <= step) this.#next();
    return this.#hashes[step]!;
  }

  /** The sum of a step's gradients. */
  sum(step: number): Float32Array {
    this.hash(step);
    return this.#sums[step]!;
  }

  #next(): void {
    const step = this.#hashes.length;
    const gradient = this.#sumOf(step, root(this.#shards));
    this.#sums[step] = gradient;
    const scale = clip(globalNorm(gradient, 1 / this.#shards)) / this.#shards;
    this.#replica.apply({ step, gradient, learningRate: learningRate(step), scale });
    this.#hashes.push(this.#replica.hash());
  }

  #sumOf(step: number, node: TreeNode): Float32Array {
    const halves = children(node);
    let sum = new Float32Array(gradientSize);
    if (halves === undefined)
      writeGradient(sum, this.#replica.parameters, { row: rowOf(step, node.first), step, shard: node.first });
    else {
      const [left, right] = halves.map((half) => this.#sumOf(step, half));
      sum = sum.map((_, index) => left![index]! + right![index]!);
    }
    if (this.#dtype === "bfloat16") roundToBf16(sum);
    return sum;
  }
}
