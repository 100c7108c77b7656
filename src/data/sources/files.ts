/** Resolves a data source to files: a file, a list of files, or folders of them in name order. Reads no data. */
import { statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../../errors.js";
import { refuseSpecialFile } from "../../regular-file.js";
import { hubDatasetMeant, refuseAddress, refuseByName, savedByDatasets, savedDataset } from "./foreign-data.js";

const readable = new Set([".jsonl", ".ndjson", ".json"]);

/** By code units, so that the order is the same on every machine. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function filesOfFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."));
  const names = files.map((entry) => entry.name).sort(byName);
  if (names.some((name) => savedDataset.has(name))) throw savedByDatasets(folder);
  for (const name of names) refuseByName(path.join(folder, name));
  const data = names.filter((name) => readable.has(path.extname(name).toLowerCase()));
  if (data.length === 0) {
    throw new CoxswainError("data", `${folder} has no .jsonl, .ndjson or .json file`, {
      hint: "Subfolders are not searched: give the folder that contains the files.",
    });
  }
  return Promise.all(data.map((name) => fileOf(path.join(folder, name))));
}

async function fileOf(source: string): Promise<string> {
  refuseByName(source);
  await refuseSpecialFile(source, "data");
  return source;
}

async function filesOf(source: string): Promise<string[]> {
  refuseAddress(source);
  try {
    return (await stat(source)).isDirectory() ? await filesOfFolder(source) : [await fileOf(source)];
  } catch (error) {
    if (error instanceof CoxswainError) throw error;
    const isFolder = (folder: string): boolean => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
    const missing = systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR";
    const dataset = missing ? hubDatasetMeant(source, isFolder) : undefined;
    if (dataset !== undefined) throw dataset;
    throw new CoxswainError("data", missing ? `${source} doesn't exist` : `${source}: ${messageOf(error)}`, {
      hint:
        "data.train and data.eval take a .jsonl file, a list of files or a folder, relative to the run file." +
        (path.extname(source) === "" ? " Data sets of the hub are not supported." : ""),
      cause: error,
    });
  }
}

/**
 * The files of a source, in reading order.
 * @param source a file, a folder, or a list of these
 * @throws CoxswainError "data" for a missing source, a folder without data, or an unsupported format
 */
export async function resolveSources(source: string | readonly string[]): Promise<string[]> {
  const sources = typeof source === "string" ? [source] : source;
  return (await Promise.all(sources.map(filesOf))).flat();
}
