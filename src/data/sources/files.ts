/** Resolves a source to files: a file, or the files of a folder in name order, or of the hub. Reads no data. */
import { statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../../errors.js";
import { listed } from "../../listed.js";
import { refuseSpecialFile } from "../../regular-file.js";
import { DatasetVersions } from "./dataset-versions.js";
import { describingData, isSavedDataset, refuseAddress, refuseByName, savedByDatasets } from "./foreign-data.js";
import { hubOfPath, type DataSource, type HubSource } from "./selection.js";

export interface SourceFilesOptions {
  /** Data sets of the hub. Default: looked up again. */
  readonly datasets?: DatasetVersions | undefined;
  /** Receives what of a folder is not read. */
  readonly onNote?: ((text: string) => void) | undefined;
}

const readable = /\.(parquet|(jsonl|ndjson|json|csv|tsv)(\.(gz|zst))?)$/i;
const readableList = ".jsonl, .ndjson, .json, .csv, .tsv (also .gz, .zst) or .parquet";

/** Hidden files, and those that office programs keep beside an open document. */
const hidden = /^(\.|~\$)/;

/** What people write for a share: "10%". */
const share = /^\d+(\.\d+)?\s*%$/;

/** By code units, so that the order is the same on every machine. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function filesOfFolder(folder: string, note: (text: string) => void): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !hidden.test(name));
  const isFolder = (name: string): boolean =>
    statSync(path.join(folder, name), { throwIfNoEntry: false })?.isDirectory() === true;
  const names = entries.map(({ name }) => name).sort(byName);
  const folders = new Set(names.filter(isFolder));
  const files = names.filter((name) => !folders.has(name));
  if (isSavedDataset(files)) throw savedByDatasets(folder, files);
  for (const name of files) refuseByName(path.join(folder, name));
  const data = files.filter((name) => readable.test(name) && !describingData.has(name));
  if (data.length === 0) {
    throw new CoxswainError("data", `${folder} has no ${readableList} file`, {
      hint: "Subfolders are not searched: give the folder that contains the files.",
    });
  }
  const read = new Set(data);
  const others = [...[...folders].map((name) => `${name}/`), ...files.filter((name) => !read.has(name))];
  if (others.length > 0) note(`${folder}: not read: ${shown(others)}.`);
  const held = data.filter((name) => heldOutName.test(name));
  if (held.length > 0 && held.length < data.length)
    note(
      `${folder}: ${shown(held)} ${held.length === 1 ? "is" : "are"} read like the other files; list files to choose.`,
    );
  const copies = new Map<string, number>();
  for (const stem of data.map(stemOf)) copies.set(stem, (copies.get(stem) ?? 0) + 1);
  const twice = data.filter((name) => copies.get(stemOf(name)) !== 1);
  if (twice.length > 0)
    note(`${folder}: ${shown(twice)} are all read, although their names differ only in the format.`);
  return Promise.all(data.map((name) => fileOf(path.join(folder, name))));
}

/** As hubs name the files of splits that are not for training. */
const heldOutName = /(^|[-_.])(test|valid|validation|dev|eval)([-_.])/i;
const stemOf = (name: string): string => name.replace(readable, "");

const shown = (names: readonly string[]): string => listed(names, 8, "others");

async function fileOf(source: string): Promise<string> {
  refuseByName(source);
  await refuseSpecialFile(source, "data");
  return source;
}

const isFolder = (folder: string): boolean => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;

/** What may be a data set or a mistyped path. */
async function datasetOrPath(
  source: string,
  dataset: HubSource,
  datasets: DatasetVersions,
): Promise<readonly string[]> {
  try {
    return await datasets.files(dataset);
  } catch (error) {
    if (!(error instanceof CoxswainError) || error.code === "interrupted") throw error;
    throw new CoxswainError(
      error.code,
      `${source}: no such file or folder, and as a data set of the hub: ${error.message}`,
      {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        cause: error,
      },
    );
  }
}

/**
 * The files of a source, in reading order.
 * @throws CoxswainError "data" for a missing source, a folder without data, or an unsupported format
 */
export async function filesOf(
  { path: source, hub }: DataSource,
  options: SourceFilesOptions = {},
): Promise<readonly string[]> {
  const { onNote = () => undefined, datasets = new DatasetVersions({ onNote }) } = options;
  if (hub !== undefined) return datasets.files(hub);
  if (source === undefined) throw new TypeError("a source without a path");
  refuseAddress(source);
  try {
    return (await stat(source)).isDirectory() ? await filesOfFolder(source, onNote) : [await fileOf(source)];
  } catch (error) {
    if (error instanceof CoxswainError) throw error;
    const missing = systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR";
    const dataset = missing && !isFolder(path.dirname(source)) ? hubOfPath(source) : undefined;
    if (dataset !== undefined) return datasetOrPath(source, dataset, datasets);
    throw new CoxswainError("data", missing ? `${source} doesn't exist` : `${source}: ${messageOf(error)}`, {
      hint:
        (share.test(path.basename(source)) ? "A share of data.train is a number: data.eval: 0.1 for 10 %. " : "") +
        "data.train and data.eval take a file, a folder or a list of these, relative to the run file, or a data set of " +
        "the hub (owner/name).",
      cause: error,
    });
  }
}
