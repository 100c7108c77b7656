/**
 * 16-bit weights in memory in f32. Widening them in the graph costs a pass over all weights, by one thread, in each
 * forward and each backward pass; kept in memory they are widened once, for all graphs of the model. Models that are
 * large for the machine stay in their files.
 */
import { elementCount, readTensor, type ModelFolder } from "../../model/index.js";
import { weightShapes, type DecoderSpec } from "../families/index.js";

/** Weights by name, f32, row-major. */
export type ResidentWeights = ReadonlyMap<string, Float32Array>;

/** The share of the machine's memory that widened weights may take: several workers may share the machine. */
export const residentShare = 1 / 8;

/**
 * @param model need not have all weights: those that are quantised are elsewhere
 * @param spec.whole what decides; `spec.used` are the weights that are read
 * @param limit most bytes that the f32 weights may take
 * @returns all weights that are used and that `model` has; none where they are f32 in the files already, or too large
 */
export async function residentWeights(
  model: ModelFolder,
  spec: { readonly whole: DecoderSpec; readonly used: DecoderSpec },
  limit: number,
): Promise<ResidentWeights> {
  const resident = new Map<string, Float32Array>();
  const shapes = [...weightShapes(spec.whole)].filter(([name]) => model.tensors.has(name));
  const bytes = shapes.reduce((sum, [, shape]) => sum + 4 * elementCount(shape), 0);
  const narrow = shapes.some(([name]) => model.tensors.get(name)?.dtype !== "F32");
  if (!narrow || bytes > limit) return resident;
  for (const name of weightShapes(spec.used).keys()) {
    const location = model.tensors.get(name);
    if (location !== undefined && location.dtype !== "F32") resident.set(name, await readTensor(model, location));
  }
  return resident;
}
