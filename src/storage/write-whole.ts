/** Replaces a file as a whole: readers see the old content or the new one. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { temporaryName } from "./durable.js";
import { storageTrouble } from "./trouble.js";

/** Creates the folder if necessary. @throws CoxswainError "storage" */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  const aside = join(folder, temporaryName(basename(path)));
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(aside, content);
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined);
    throw storageTrouble(error, path);
  }
}
