/** A folder that is read as data must not be the folder that a run writes to: its own files would be data on --resume. */
import { realpathSync, statSync } from "node:fs";
import { CoxswainError, systemCodeOf } from "../errors.js";

export interface DataSources {
  readonly train: string | readonly string[];
  readonly eval: string | readonly string[] | null;
}

/** @throws CoxswainError "config" where output_dir is a folder that data.train or data.eval names, by whatever path */
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

/** Where a folder really is; undefined where there is none. What else is wrong with it, who opens it says. */
function realFolder(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? realpathSync.native(path) : undefined;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return undefined;
  }
}
