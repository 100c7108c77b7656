/** Detects Git LFS pointers: three-line files instead of large ones, in a clone without Git LFS. */
import { open } from "node:fs/promises";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { refuseSpecialFile } from "../regular-file.js";
import { storageTrouble } from "../storage/index.js";

const firstLine = "version https://git-lfs.github.com/spec/";

/** @throws CoxswainError "model" if the file is a pointer; a missing file is ignored */
export async function refusePointer(path: string): Promise<void> {
  await refuseSpecialFile(path, "model");
  const begin = new Uint8Array(firstLine.length);
  try {
    const file = await open(path, "r");
    try {
      await file.read(begin, 0, begin.length, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return;
    throw storageTrouble(error, path, "model");
  }
  if (!Buffer.from(begin).equals(Buffer.from(firstLine))) return;
  throw new CoxswainError("model", `${path}: is a Git LFS pointer, not the file itself`, {
    hint: "Fetch the actual files: git lfs install, then git lfs pull in the clone.",
  });
}
