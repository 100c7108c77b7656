/**
 * Weights in memory, in the type that they are computed with. Widening 16-bit weights in the graph costs a pass over all
 * of them, by one thread, in each forward and each backward pass; kept in memory they are widened once, for all graphs
 * of the model. Models that are large for the machine stay in their files.
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
  /** Most bytes that the weights may take in f32. */
  readonly limit: number;
  /** What matrices become; vectors are f32 always. */
  readonly matrices: "float32" | "float16";
}

/** The share of the machine's memory that widened weights may take: several workers may share the machine. */
export const residentShare = 1 / 8;

/**
 * @param model need not have all weights: those that are quantised are elsewhere
 * @param spec.whole what decides; `spec.used` are the weights that are read
 * @returns all weights that are used, that `model` has, and that have another type in its files; none where all are as
 *   wanted already, or too large
 * @throws CoxswainError "model" where float16 cannot hold a value
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
 * Quantised weights in f32, for generation: it would make every weight anew for every token.
 * @returns none where they are larger than `limit` bytes
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
