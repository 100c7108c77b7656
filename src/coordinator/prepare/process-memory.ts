/** What each process of a run needs at least, before anything is computed. Pure. */
import type { ModelFolder } from "../../model/index.js";
import { bytesPerParameter, workerBytes } from "./sizes.js";

export interface ProcessMemory {
  /** The base model's weights, as a worker has them, bytes. */
  readonly weights: number;
  /** Trained parameters, their gradient and AdamW's moments, bytes. */
  readonly trained: number;
  /** At least, without what a batch takes. */
  readonly worker: number;
  readonly coordinator: number;
}

/** Of an nf4 weight: 4 bits, and a 32-bit scale for each 64 weights. */
const nf4BytesPerWeight = 0.5 + 4 / 64;

/** @param quantised names of the weights that are kept as nf4 */
export function processMemory(
  { tensors }: Pick<ModelFolder, "tensors">,
  parameters: number,
  quantised: ReadonlySet<string>,
): ProcessMemory {
  const size = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);
  let weights = 0;
  for (const [name, { byteLength, shape }] of tensors)
    weights += quantised.has(name) ? size(shape) * nf4BytesPerWeight : byteLength;
  const trained = parameters * bytesPerParameter;
  return { weights, trained, worker: workerBytes + weights + trained, coordinator: workerBytes + trained };
}
