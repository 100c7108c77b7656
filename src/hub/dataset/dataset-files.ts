/** From the name of a data set on the hub to local files of one of its splits. */
import { CoxswainError } from "../../errors.js";
import type { Environment } from "../../storage/index.js";
import { hubAccess, isOffline } from "../access.js";
import { huggingFaceCacheFolder, huggingFaceRepository, isCommit } from "../cache.js";
import type { HubFile } from "../listing.js";
import { chooseFiles, type Wanted } from "./choose.js";
import { noteMissingShards, noteMoved, someOf } from "./notes.js";
import { convertedFiles, parquetBranch } from "./parquet-branch.js";
import type { DatasetVersion } from "./version.js";
import { offlineRepository, onlineRepository, textOf, type DatasetRepository } from "./repository.js";

/** A data set, as a run file names it. */
export interface DatasetName {
  /** "owner/name" */
  readonly dataset: string;
  /** Default: the data set's own default. */
  readonly config?: string | null | undefined;
  /** Default: "train". */
  readonly split?: string | null | undefined;
  /** Branch, tag or commit. Default: "main". */
  readonly revision?: string | null | undefined;
}

export interface DatasetFiles extends DatasetVersion {
  /** Local paths, in reading order. */
  readonly files: readonly string[];
  /** Their names in the repository. */
  readonly names: readonly string[];
  readonly config: string;
  readonly split: string;
}

export interface DatasetFilesOptions {
  /** The version with which the run started. Default: the newest. */
  readonly pinned?: DatasetVersion | undefined;
  /** Aborts: rejects with a CoxswainError "interrupted". */
  readonly signal?: AbortSignal | undefined;
  /** Called with a line of text for every progress update. Default: none. */
  readonly onProgress?: ((text: string) => void) | undefined;
  /** Called with notes for the user: which files are read, what was not asked for lack of a connection. Default: none. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** For HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, proxies and the locations of caches. Default: the process's. */
  readonly environment?: Environment | undefined;
  /** Waits between attempts, ms. Default: a timer. */
  readonly wait?: ((milliseconds: number) => Promise<void>) | undefined;
}

/**
 * The files of a split, downloaded into the cache that this machine's Hugging Face libraries share. A branch is looked
 * up on the hub at every call; without a connection, the files of the last time are used.
 * @throws CoxswainError "data" for a data set, revision, configuration or split that does not exist, "network",
 *   "storage", "interrupted"
 */
export async function datasetFiles(name: DatasetName, options: DatasetFilesOptions = {}): Promise<DatasetFiles> {
  const { environment = process.env, onProgress = () => undefined, onNote = () => undefined, pinned } = options;
  const { id, revision } = parse(name);
  const wanted = { id, config: name.config ?? null, split: name.split ?? "train" };
  const hubCache = huggingFaceCacheFolder(environment);
  if (hubCache === undefined) {
    throw new CoxswainError("storage", "no cache folder: this user has no home folder", {
      hint: "Set HF_HOME to a writable folder.",
    });
  }
  const repository = huggingFaceRepository(hubCache, "dataset", id);
  const places = { id, revision, repository };
  const find = async (source: DatasetRepository, canAsk: boolean): Promise<DatasetFiles> => {
    const version = pinned ?? undefined;
    if (version !== undefined && canAsk) await noteMoved(source, { id, revision, version, onNote });
    const chosen = await chosenFiles(source, wanted, revision, version, onNote);
    const files = await source.fetch(chosen.commit, chosen.files);
    const { commit, by, config } = chosen;
    const names = chosen.files.map((file) => file.name);
    onNote(
      `${id}: the split ${wanted.split}${config === "default" ? "" : ` of ${config}`} is ${names.length} ` +
        `${names.length === 1 ? "file" : "files"} at ${commit.slice(0, 7)} (by ${by === parquetBranch ? "the hub's conversion to Parquet" : by})`,
    );
    return { files, names, commit, by, config, split: wanted.split };
  };
  if (isOffline(environment)) return find(offlineRepository(places, "HF_HUB_OFFLINE is set", onNote), false);
  const { wait, signal } = options;
  const access = await hubAccess({ environment, wait, signal });
  try {
    return await find(onlineRepository(places, access, onProgress), true);
  } catch (error) {
    if (!(error instanceof CoxswainError) || error.code !== "network") throw error;
    const why = `${new URL(access.url).host} cannot be reached`;
    const kept = await find(offlineRepository(places, why, onNote), false).catch(() => undefined);
    if (kept === undefined) throw error;
    onNote(`${error.message}: ${id} is read from the cache, as it was when it was last fetched`);
    return kept;
  }
}

function parse({ dataset, revision }: DatasetName): { id: string; revision: string } {
  const part = "[A-Za-z0-9_][A-Za-z0-9._-]*";
  const [, id, at] = new RegExp(`^((?:${part}/)?${part})(?:@([^@]+))?$`).exec(dataset) ?? [];
  const chosen = revision ?? at ?? "main";
  const isRevision = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(chosen) && !chosen.includes("..");
  if (id === undefined || id.includes("..")) {
    const meant = new RegExp(`datasets/(${part}/${part})`).exec(dataset)?.[1] ?? "owner/name";
    throw new CoxswainError("data", `${JSON.stringify(dataset)} is not the name of a data set on the hub`, {
      hint: `Write only its name: {dataset: ${meant}}.`,
    });
  }
  if (!isRevision) {
    throw new CoxswainError("data", `${id}: ${JSON.stringify(chosen)} is not the name of a revision`, {
      hint: "A revision is a branch, a tag or a commit.",
    });
  }
  return { id, revision: chosen };
}

interface Found extends DatasetVersion {
  readonly files: readonly HubFile[];
  readonly config: string;
}

async function chosenFiles(
  source: DatasetRepository,
  wanted: Wanted,
  revision: string,
  pinned: DatasetVersion | undefined,
  onNote: (text: string) => void,
): Promise<Found> {
  if (pinned?.by === parquetBranch) return converted(source, wanted, pinned.commit);
  const commit = pinned?.commit ?? (isCommit(revision) ? revision : await source.commit(revision));
  const listed = await source.list(commit);
  const chosen = chooseFiles(wanted, {
    names: listed.map((file) => file.name),
    readme: await textOf(source, commit, listed, "README.md"),
    standalone: await textOf(source, commit, listed, ".huggingface.yaml"),
  });
  if ("reason" in chosen) {
    const trouble = new CoxswainError("data", `${wanted.id} cannot be read: ${chosen.reason}`, {
      hint: "Download its files, convert them to JSONL or Parquet, and give their paths.",
    });
    // The conversion is of the main branch only.
    if (revision !== "main" || pinned !== undefined) throw trouble;
    onNote(`${wanted.id}: ${chosen.reason}; trying the hub's conversion to Parquet`);
    const branch = await source.commit(parquetBranch).catch((error: unknown) => {
      throw error instanceof CoxswainError && error.code === "data" ? trouble : error;
    });
    return converted(source, wanted, branch);
  }
  if (chosen.unread.length > 0) {
    onNote(`${wanted.id}: not read, since they are in another format than the rest: ${someOf(chosen.unread)}`);
  }
  noteMissingShards(wanted.id, chosen.names, onNote);
  return { commit, by: chosen.by, config: chosen.config, files: named(listed, chosen.names) };
}

async function converted(source: DatasetRepository, wanted: Wanted, commit: string): Promise<Found> {
  const listed = await source.list(commit);
  const { names, config } = convertedFiles(
    wanted,
    listed.map((file) => file.name),
  );
  return { commit, by: parquetBranch, config, files: named(listed, names) };
}

function named(listed: readonly HubFile[], names: readonly string[]): HubFile[] {
  const byName = new Map(listed.map((file) => [file.name, file]));
  return names.flatMap((name) => byName.get(name) ?? []);
}
