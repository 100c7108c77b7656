/** Data sets of the hub, as files on this disk. */
import { datasetFiles as filesOnDisk } from "../../hub/index.js";
import type { HubSource } from "./selection.js";

export interface DatasetFilesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Receives what is downloaded. */
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
}

/** Parquet, JSONL or CSV files, in reading order; downloaded into the cache. */
export const datasetFiles = async (source: HubSource, options: DatasetFilesOptions): Promise<readonly string[]> =>
  (await filesOnDisk(source, options)).files;
