/** An opened Hugging Face model folder: its configuration and the location of each tensor on disk. Reads no weights. */

export type TensorType = "F32" | "F16" | "BF16" | "F64" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** Where a tensor's bytes are. */
export interface TensorLocation {
  /** File name within the folder. */
  readonly file: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  /** First byte within the file (not within its data section). */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface ModelFolder {
  /** Absolute path. */
  readonly path: string;
  /** The parsed config.json; families read what they need (see `compute/families/`). */
  readonly config: Readonly<Record<string, unknown>>;
  /** By name, over all shards. */
  readonly tensors: ReadonlyMap<string, TensorLocation>;
  /** The files have an output head that is not the embedding, regardless of config.json: see `own-head.ts`. */
  readonly ownHead?: boolean;
}
