/**
 * The conversion to Parquet that the hub makes of most public data sets, in the branch `refs/convert/parquet`:
 * `CONFIG/SPLIT/0000.parquet`. Pure.
 */
import { CoxswainError } from "../../errors.js";
import { noSuchConfig, noSuchSplit, type Wanted } from "./choose.js";
import { byCodePoints } from "./glob.js";

export const parquetBranch = "refs/convert/parquet";

interface ConvertedFile {
  readonly name: string;
  readonly config: string;
  readonly split: string;
}

/**
 * The files of a configuration and a split.
 * @param names of the branch's files
 * @throws CoxswainError "data" for one that does not exist, or that was converted only in part
 */
export function convertedFiles(wanted: Wanted, names: readonly string[]): { names: string[]; config: string } {
  const files = names.flatMap((name): ConvertedFile[] => {
    const [, config, split] = /^([^/]+)\/([^/]+)\/[^/]+\.parquet$/.exec(name) ?? [];
    return config === undefined || split === undefined ? [] : [{ name, config, split }];
  });
  const configs = [...new Set(files.map(({ config }) => config))];
  const asked = wanted.config ?? (configs.length === 1 ? configs[0] : "default");
  if (asked === undefined || !configs.includes(asked)) throw noSuchConfig(wanted, configs);
  const ofConfig = files.filter(({ config }) => config === asked);
  const ofSplit = ofConfig.filter(({ split }) => split === wanted.split);
  if (ofSplit.length > 0) return { names: ofSplit.map(({ name }) => name).sort(byCodePoints), config: asked };
  if (ofConfig.some(({ split }) => split === `partial-${wanted.split}`)) {
    throw new CoxswainError(
      "data",
      `${wanted.id}: the hub has converted only a part of the split ${wanted.split} to Parquet`,
      {
        hint: "Download the data set's own files, convert them to JSONL or Parquet, and give their paths.",
      },
    );
  }
  const splits = [...new Set(ofConfig.map(({ split }) => split.replace(/^partial-/, "")))];
  throw noSuchSplit(wanted, asked, splits);
}
