/**
 * The newest runs beside another one, to be compared with it: their folders, and their losses without reading a file
 * beyond a size. Reads in pieces, so that a program that serves others meanwhile is not held up.
 */
import { constants } from "node:fs";
import { lstat, open, opendir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { LossReader, type Losses } from "./losses.js";

/** The most entries of the parent folder that are looked at. */
const entriesRead = 2_000;
/** The part of a `metrics.jsonl` that is read, bytes: about 60,000 steps. */
export const metricsRead = 16 * 2 ** 20;
/** Bytes at a time. */
const pieceSize = 64 * 1024;

export interface RunBeside extends Losses {
  /** The last part of its output folder. */
  readonly name: string;
}

/**
 * Other output folders in the same parent folder, newest first. Folders that cannot be read are left out.
 * @param most how many
 */
export async function readRunsBeside(outputDir: string, most: number): Promise<readonly RunBeside[]> {
  const parent = dirname(outputDir);
  const found: { readonly name: string; readonly changed: number }[] = [];
  let seen = 0;
  for await (const entry of await opendir(parent)) {
    if (++seen > entriesRead) break;
    // A link may lead to this run.
    if (!entry.isDirectory() || entry.name === basename(outputDir)) continue;
    const changed = await changedAt(join(parent, entry.name, "metrics.jsonl"));
    if (changed !== undefined) found.push({ name: entry.name, changed });
  }
  const runs: RunBeside[] = [];
  for (const { name } of found.sort((one, other) => other.changed - one.changed)) {
    if (runs.length === most) break;
    const losses = await readLosses(join(parent, name));
    if (losses !== undefined && losses.training.length > 0) runs.push({ name, ...losses });
  }
  return runs;
}

/** ms since 1970; undefined for what is no regular file. */
async function changedAt(path: string): Promise<number | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? stats.mtimeMs : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The losses that a run has recorded, from the beginning of its `metrics.jsonl`.
 * @param largest the part of the file that is read, bytes
 * @returns undefined if the file cannot be read
 */
export async function readLosses(outputDir: string, largest = metricsRead): Promise<Losses | undefined> {
  // Neither through a link, nor waiting for a pipe (both: not on Windows).
  const guards =
    ((constants.O_NOFOLLOW as number | undefined) ?? 0) | ((constants.O_NONBLOCK as number | undefined) ?? 0);
  try {
    const file = await open(join(outputDir, "metrics.jsonl"), constants.O_RDONLY | guards);
    try {
      if (!(await file.stat()).isFile()) return undefined;
      const reader = new LossReader();
      const decoder = new StringDecoder("utf8");
      const piece = Buffer.alloc(pieceSize);
      for (let at = 0; at < largest;) {
        const { bytesRead } = await file.read(piece, 0, Math.min(pieceSize, largest - at), at);
        if (bytesRead === 0) break;
        at += bytesRead;
        reader.add(decoder.write(piece.subarray(0, bytesRead)));
      }
      return reader.losses;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
