/** Element types of safetensors files: their widths, and their order in files. Independent of files. */
import type { TensorType } from "./folder.js";

/**
 * By increasing alignment, the order in which the reference implementation declares them: its writer puts tensors of a
 * later type first, so that every tensor is aligned to its elements.
 */
const types = ["BOOL", "U8", "I8", "I16", "F16", "BF16", "I32", "F32", "F64", "I64"] as const satisfies TensorType[];

const widths: Record<TensorType, number> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
};

/** Bytes of one element. */
export const bytesPerElement = (type: TensorType): number => widths[type];

/** Whether a string in a file's header names a supported type. */
export const isTensorType = (name: unknown): name is TensorType =>
  typeof name === "string" && Object.hasOwn(widths, name);

/** Sort key of the writer: higher comes first in a file. */
export const typeRank = (type: TensorType): number => types.indexOf(type);

/** Elements of a tensor; 1 for a scalar's empty shape. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
