/**
 * Weights in memory, in the type used for computation. Widening 16-bit weights in the graph takes a single-threaded
 * pass over all of them in each forward and backward pass; in memory they are widened once, for all graphs of the
 * model. Models that are large for the machine stay in their files.
 */
import { dequantized, elementCount, float16Bits, readPacked, readTensor } from "../../model/index.js";
import type { ModelFolder, TensorLocation } from "../../model/index.js";
import { weightShapes, type DecoderSpec } from "../families/index.js";
import type { WeightSource } from "../nf4.js";

/** Row-major values of one weight, as the runtime's tensors take them. */
export type ResidentWeight =
  | { readonly type: "float32"; readonly values: Float32Array }
  | { readonly type: "float16"; readonly values: Uint16Array };

export type ResidentWeights = ReadonlyMap<string, ResidentWeight>;

export interface Residence {
  /** Maximum bytes that the weights may take in f32. */
  readonly limit: number;
  /** The type of matrices; vectors are always f32. */
  readonly matrices: "float32" | "float16";
}

/** The share of the machine's memory that widened weights may take: several workers may share the machine. */
export const residentShare = 1 / 8;

/**
 * @param model may lack the quantised weights, which are stored elsewhere
 * @param spec.whole determines whether weights fit; `spec.used` are the weights that are read
 * @returns all used weights of `model` whose type in its files differs; none if all types match, or the weights are too
 *   large
 * @throws CoxswainError "model" if float16 cannot hold a value
 */
export async function residentWeights(
  model: ModelFolder,
  spec: { readonly whole: DecoderSpec; readonly used: DecoderSpec },
  { limit, matrices }: Residence,
): Promise<ResidentWeights> {
  const resident = new Map<string, ResidentWeight>();
  const shapes = [...weightShapes(spec.whole)].filter(([name]) => model.tensors.has(name));
  const bytes = shapes.reduce((sum, [, shape]) => sum + 4 * elementCount(shape), 0);
  if (bytes > limit) return resident;
  const typeOf = ({ shape }: TensorLocation): ResidentWeight["type"] => (shape.length > 1 ? matrices : "float32");
  for (const name of weightShapes(spec.used).keys()) {
    const location = model.tensors.get(name);
    if (location === undefined) continue;
    const type = typeOf(location);
    if (type === "float32" && location.dtype === "F32") continue;
    const values = await readTensor(model, location);
    resident.set(name, type === "float32" ? { type, values } : { type, values: halves(values, name) });
  }
  return resident;
}

/**
 * Quantised weights in f32, for generation, which would otherwise dequantise every weight for every token.
 * @returns none if they are larger than `limit` bytes
 */
export async function dequantizedWeights({ folder, nf4 }: WeightSource, limit: number): Promise<ResidentWeights> {
  const resident = new Map<string, ResidentWeight>();
  const bytes = [...nf4.values()].reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
  if (bytes > limit) return resident;
  for (const [name, weight] of nf4) {
    resident.set(name, { type: "float32", values: dequantized(await readPacked(folder, weight)) });
  }
  return resident;
}

const halves = (values: Float32Array, name: string): Uint16Array =>
  float16Bits(values, name, "Use compute.dtype: float32.");
