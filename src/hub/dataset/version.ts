/** Which content of a data set was read. */
import type { parquetBranch } from "./parquet-branch.js";

/** Which content was read: recorded, so that a resumed run reads the same. */
export interface DatasetVersion {
  readonly commit: string;
  /** What decided which files belong to the split. */
  readonly by: "README.md" | "file names" | typeof parquetBranch;
}
