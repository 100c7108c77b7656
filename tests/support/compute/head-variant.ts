/** Golden models whose files have another head than config.json says: as tests/peers/make-heads.py makes them. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  bytesPerElement,
  openModelFolder,
  readBytes,
  writeSafetensors,
  type ModelFolder,
  type TensorSource,
} from "../../../src/model/index.js";
import { embeddingNames, headName } from "../../../src/model/own-head.js";

export type Head = "none" | "equal" | "other" | "alone";

/**
 * Writes `model` to `path` with this flag (undefined: without it) and this head: the embedding's rows as they are, or in
 * the opposite order; "alone" leaves the embedding out.
 */
export async function headVariant(
  model: ModelFolder,
  path: string,
  { tied, head }: { readonly tied: boolean | undefined; readonly head: Head },
): Promise<ModelFolder> {
  const sources: TensorSource[] = [];
  for (const [name, location] of model.tensors) {
    const { dtype, shape } = location;
    if (name === headName) continue;
    const data = await readBytes(model, location);
    const isEmbedding = embeddingNames.some((each) => each === name);
    if (!isEmbedding || head !== "alone") sources.push({ name, dtype, shape, data });
    if (!isEmbedding || head === "none") continue;
    const rowBytes = (shape[1] ?? 1) * bytesPerElement(dtype);
    sources.push({ name: headName, dtype, shape, data: head === "other" ? reversed(data, rowBytes) : data });
  }
  await mkdir(path, { recursive: true });
  await writeSafetensors(join(path, "model.safetensors"), sources);
  // JSON leaves out what is undefined.
  await writeFile(join(path, "config.json"), JSON.stringify({ ...model.config, tie_word_embeddings: tied }));
  return openModelFolder(path);
}

function reversed(bytes: Uint8Array, rowBytes: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += rowBytes) {
    out.set(bytes.subarray(at, at + rowBytes), bytes.length - at - rowBytes);
  }
  return out;
}
