/**
 * Which versions of the hub's data sets a run reads: each is looked up once, although its examples may be read several
 * times, and a resumed run reads the commits with which it started.
 */
import { datasetFiles, type DatasetFiles, type DatasetFilesOptions, type DatasetVersion } from "../../hub/index.js";
import type { HubSource } from "./selection.js";

/** A data set as a run file names it (null: its default), and what was read of it. */
export interface RecordedDataset extends DatasetVersion {
  readonly dataset: string;
  readonly config: string | null;
  readonly split: string | null;
  readonly revision: string | null;
}

export interface DatasetVersionsOptions extends Pick<DatasetFilesOptions, "signal" | "onProgress" | "onNote"> {
  /** What a resumed run has read; the last one of a data set counts. Default: the newest versions are read. */
  readonly recorded?: readonly RecordedDataset[] | undefined;
}

export class DatasetVersions {
  readonly #options: DatasetVersionsOptions;
  readonly #recorded: ReadonlyMap<string, RecordedDataset>;
  readonly #found = new Map<string, { readonly source: HubSource; readonly files: Promise<DatasetFiles> }>();

  constructor(options: DatasetVersionsOptions = {}) {
    this.#options = options;
    this.#recorded = new Map((options.recorded ?? []).map((each) => [keyOf(each), each]));
  }

  /** Parquet, JSONL or CSV files on this disk, in reading order; downloaded into the cache if necessary. */
  async files(source: HubSource): Promise<readonly string[]> {
    const key = keyOf(source);
    const { signal, onProgress, onNote } = this.#options;
    const known = this.#found.get(key) ?? {
      source,
      files: datasetFiles(source, { signal, onProgress, onNote, pinned: this.#recorded.get(key) }),
    };
    this.#found.set(key, known);
    return (await known.files).files;
  }

  /** What was read, to be recorded. */
  read(): Promise<RecordedDataset[]> {
    return Promise.all(
      [...this.#found.values()].map(async ({ source, files }) => {
        const { commit, by } = await files;
        const { dataset, config = null, split = null, revision = null } = source;
        return { dataset, config, split, revision, commit, by };
      }),
    );
  }
}

type Name = Readonly<Record<"config" | "split" | "revision", string | null | undefined>> & { readonly dataset: string };

const keyOf = ({ dataset, config, split, revision }: Name): string =>
  JSON.stringify([dataset, config ?? null, split ?? null, revision ?? null]);
