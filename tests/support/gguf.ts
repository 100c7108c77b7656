/** Reads a GGUF file, as docs/gguf.md of ggml describes it: metadata, and the type, sizes and hash of each tensor. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface GgufFile {
  readonly metadata: Record<string, string | number>;
  /** Sizes fastest first, as in the file. */
  readonly tensors: Record<string, { type: string; shape: number[]; sha256: string }>;
}

const types: Readonly<Record<number, { name: string; bytes: number }>> = {
  0: { name: "F32", bytes: 4 },
  1: { name: "F16", bytes: 2 },
  30: { name: "BF16", bytes: 2 },
};

export function readGguf(path: string): GgufFile {
  const file = readFileSync(path);
  let at = 0;
  const u32 = (): number => file.readUInt32LE((at += 4) - 4);
  const u64 = (): number => Number(file.readBigUInt64LE((at += 8) - 8));
  const text = (): string => {
    const length = u64();
    return file.toString("utf8", at, (at += length));
  };
  const value = (type: number): string | number => {
    if (type === 4) return u32();
    if (type === 6) return file.readFloatLE((at += 4) - 4);
    if (type === 8) return text();
    throw new Error(`value type ${type}`);
  };
  if (file.toString("latin1", 0, (at += 4)) !== "GGUF" || u32() !== 3) throw new Error(`${path} is not GGUF 3`);
  const [count, pairs] = [u64(), u64()];
  const metadata: GgufFile["metadata"] = {};
  for (let i = 0; i < pairs; i++) metadata[text()] = value(u32());
  const found = Array.from({ length: count }, () => {
    const name = text();
    const shape = Array.from({ length: u32() }, u64);
    return { name, shape, type: types[u32()]!, offset: u64() };
  });
  const data = Math.ceil(at / 32) * 32;
  const tensors: GgufFile["tensors"] = {};
  for (const { name, shape, type, offset } of found) {
    if (offset % 32 !== 0) throw new Error(`${name} is not aligned`);
    const length = shape.reduce((product, size) => product * size, type.bytes);
    if (data + offset + length > file.length) throw new Error(`${name} ends after the file`);
    const bytes = file.subarray(data + offset, data + offset + length);
    tensors[name] = { type: type.name, shape, sha256: createHash("sha256").update(bytes).digest("hex") };
  }
  return { metadata, tensors };
}
