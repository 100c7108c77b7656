/** Which files a data source names: a file, a list of files, or folders of them in name order. Reads no data. */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";

const readable = new Set([".jsonl", ".ndjson", ".json"]);
const parquetHint =
  "Parquet is not read yet. Convert it: python -c \"import pandas as p; p.read_parquet('x.parquet')" +
  ".to_json('x.jsonl', orient='records', lines=True)\"";

function refuseParquet(file: string): void {
  if (path.extname(file).toLowerCase() !== ".parquet") return;
  throw new CoxswainError("data", `${file} is a Parquet file`, { hint: parquetHint });
}

/** By code units, so that the order is the same on every machine. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function filesOfFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."));
  const names = files.map((entry) => entry.name).sort(byName);
  for (const name of names) refuseParquet(path.join(folder, name));
  const data = names.filter((name) => readable.has(path.extname(name).toLowerCase()));
  if (data.length === 0) {
    throw new CoxswainError("data", `${folder} has no .jsonl, .ndjson or .json file`, {
      hint: "Folders inside it are not searched: name the folder that holds the files.",
    });
  }
  return data.map((name) => path.join(folder, name));
}

async function filesOf(source: string): Promise<string[]> {
  refuseParquet(source);
  try {
    return (await stat(source)).isDirectory() ? await filesOfFolder(source) : [source];
  } catch (error) {
    if (error instanceof CoxswainError) throw error;
    const missing = systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR";
    throw new CoxswainError("data", missing ? `${source} doesn't exist` : `${source}: ${messageOf(error)}`, {
      hint: "data.train and data.eval name a .jsonl file, a list of files or a folder, relative to the run file.",
      cause: error,
    });
  }
}

/**
 * The files of a source, in the order in which they are read.
 * @param source a file, a folder, or a list of these
 * @throws CoxswainError "data" for one that doesn't exist, a folder without data, or Parquet
 */
export async function resolveSources(source: string | readonly string[]): Promise<string[]> {
  const sources = typeof source === "string" ? [source] : source;
  return (await Promise.all(sources.map(filesOf))).flat();
}
