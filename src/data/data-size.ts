/** How much there is to read. */
import { stat } from "node:fs/promises";
import { filesOf, selectionOf, type DataInput, type DatasetVersions } from "./sources/index.js";

/** Smaller data are tokenised in one thread, and again at every start: that takes a few seconds, bytes. */
const smallest = 8 * 2 ** 20;

/** Of all files of the sources, bytes. */
export async function dataBytes(source: DataInput, datasets?: DatasetVersions): Promise<number> {
  // What of a folder is not read is said by whoever reads it.
  const files = await Promise.all(selectionOf(source).sources.map((one) => filesOf(one, { datasets })));
  let bytes = 0;
  for (const path of files.flat()) bytes += (await stat(path)).size;
  return bytes;
}

/** Whether it pays to start threads, and to keep the tokens for later starts. */
export const isLarge = (bytes: number): boolean => bytes >= smallest;
