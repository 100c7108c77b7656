/** Reads a model file in chunks, for workers that have no copy. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Chunk } from "../../../collective/index.js";
import { maxPayload } from "../../../collective/index.js";
import { CoxswainError } from "../../../errors.js";
import type { ModelFile } from "../../../model/index.js";

/** @param file an entry of the manifest: its name has no path separators */
export async function* modelFileChunks(folder: string, file: ModelFile): AsyncGenerator<Chunk, void, undefined> {
  const handle = await open(join(folder, file.name), "r");
  try {
    for (let offset = 0; offset < file.bytes || offset === 0; offset += maxPayload) {
      const payload = Buffer.allocUnsafe(Math.min(maxPayload, file.bytes - offset));
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
