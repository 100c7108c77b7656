/** Reads a model file in chunks, for workers that have no copy. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Chunk } from "../../../collective/index.js";
import { CoxswainError } from "../../../errors.js";
import type { ModelFile } from "../../../model/index.js";

/** Payload of one chunk, bytes: smaller than a vector's, so that many workers that wait for memory take turns quickly. */
export const fileChunk = 256 * 1024;

/**
 * @param room resolves when a chunk of so many bytes may be read
 * @param file an entry of the manifest: its name has no path separators
 */
export async function* modelFileChunks(
  folder: string,
  file: ModelFile,
  room: (bytes: number) => Promise<void> = () => Promise.resolve(),
): AsyncGenerator<Chunk, void, undefined> {
  const handle = await open(join(folder, file.name), "r");
  try {
    for (let offset = 0; offset < file.bytes || offset === 0; offset += fileChunk) {
      const length = Math.min(fileChunk, file.bytes - offset);
      await room(length);
      const payload = Buffer.allocUnsafe(length);
      const { bytesRead } = await handle.read(payload, 0, payload.length, offset);
      if (bytesRead < payload.length)
        throw new CoxswainError("model", `${file.name} became shorter while it was read`, {
          hint: "Leave the model's folder as it is while a run uses it.",
        });
      yield { offset, total: file.bytes, crc32: crc32(payload), payload };
    }
  } finally {
    await handle.close();
  }
}
