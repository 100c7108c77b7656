/**
 * The GGUF container, version 3, little-endian: a header, typed metadata, the descriptions of the tensors, and their data
 * aligned to 32 bytes. Knows nothing of models. The format: docs/gguf.md of github.com/ggml-org/ggml.
 */

/** Element types that are written here. */
export type GgufType = "F32" | "F16" | "BF16";

/** A metadata value. */
export type GgufValue =
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "uint32"; readonly value: number }
  | { readonly type: "float32"; readonly value: number };

export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** Row-major, slowest dimension first, as in safetensors; GGUF stores it reversed. */
  readonly shape: readonly number[];
}

/** Numbers of the element types in `ggml_type`. */
const typeNumbers: Readonly<Record<GgufType, number>> = { F32: 0, F16: 1, BF16: 30 };
/** Numbers of the value types in `gguf_type`. */
const valueNumbers: Readonly<Record<GgufValue["type"], number>> = { uint32: 4, float32: 6, string: 8 };
const elementBytes: Readonly<Record<GgufType, number>> = { F32: 4, F16: 2, BF16: 2 };
const version = 3;
/** `general.alignment` if the metadata has none. */
const alignment = 32;

export const ggufBytes = ({ type, shape }: GgufTensor): number =>
  shape.reduce((product, size) => product * size, 1) * elementBytes[type];

/** The zero bytes after `length` bytes, up to the next aligned position. */
export const ggufPadding = (length: number): Uint8Array =>
  new Uint8Array((alignment - (length % alignment)) % alignment);

/** Everything before the data of the first tensor, padded. Each tensor's data follows in this order, padded. */
export function ggufHeader(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Uint8Array {
  const parts: Buffer[] = [Buffer.from("GGUF"), uint32(version), uint64(tensors.length), uint64(metadata.size)];
  for (const [key, value] of metadata) parts.push(text(key), uint32(valueNumbers[value.type]), valueBytes(value));
  let offset = 0;
  for (const tensor of tensors) {
    const sizes = tensor.shape.toReversed();
    parts.push(text(tensor.name), uint32(sizes.length), ...sizes.map(uint64), uint32(typeNumbers[tensor.type]));
    parts.push(uint64(offset));
    const length = ggufBytes(tensor);
    offset += length + ggufPadding(length).length;
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, ggufPadding(header.length)]);
}

function valueBytes(value: GgufValue): Buffer {
  switch (value.type) {
    case "string":
      return text(value.value);
    case "uint32":
      return uint32(value.value);
    case "float32": {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value.value);
      return bytes;
    }
  }
}

/** Length in bytes, then UTF-8. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
