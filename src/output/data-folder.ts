/** Rejects a data folder as output folder: the run's own files would be read as data on --resume. */
import { realpathSync, statSync } from "node:fs";
import { CoxswainError, systemCodeOf } from "../errors.js";

export interface DataSources {
  /** Paths. */
  readonly train: string | readonly string[];
  readonly eval: string | readonly string[] | null;
}

/** @throws CoxswainError "config" if output_dir is the same folder as data.train or data.eval, by any path */
export function refuseDataFolder(outputDir: string, data: DataSources): void {
  const output = realFolder(outputDir);
  if (output === undefined) return;
  for (const key of ["train", "eval"] as const) {
    const source = [data[key] ?? []].flat().find((each) => realFolder(each) === output);
    if (source === undefined) continue;
    throw new CoxswainError("config", `output_dir: ${outputDir} is also the folder of data.${key} (${source})`, {
      hint:
        "Choose another output_dir, or list the data's files: the run writes .jsonl files to this folder, " +
        "which would be read as data when it is resumed.",
    });
  }
}

/** The real path of a folder; undefined if it does not exist. Opening it reports other errors. */
function realFolder(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? realpathSync.native(path) : undefined;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return undefined;
  }
}
