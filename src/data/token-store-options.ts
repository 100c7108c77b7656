/** What a token store is built of. */
import type { DataConfig } from "../config/index.js";
import type { DataInput, DatasetVersions } from "./sources/index.js";
import type { TextTokenizer } from "./tokenizer.js";

export interface TokenStoreOptions {
  /** Sources as in `data.train`, or a selection of them. */
  readonly source: DataInput;
  /** The run's `data` settings (`train`, `eval` and `shuffle` are not used). */
  readonly data: Pick<
    DataConfig,
    | "format"
    | "turns"
    | "max_length"
    | "packing"
    | "assistant_only_loss"
    | "completion_only_loss"
    | "chat_template"
    | "chat_template_kwargs"
  > & {
    /** Default: "error". */
    readonly on_bad_example?: DataConfig["on_bad_example"];
  };
  readonly tokenizer: TextTokenizer;
  /** Receives warnings about what was done to the data, one sentence per kind. Default: ignored. */
  readonly onWarning?: (message: string) => void;
  /** Receives the content number of each example as it was read (sources/content.ts). */
  readonly onExample?: ((content: number, where: string) => void) | undefined;
  /** Data sets of the hub. Default: looked up again. */
  readonly datasets?: DatasetVersions | undefined;
  /** Receives the number of examples tokenised so far. */
  readonly onProgress?: (examples: number) => void;
  /** Coxswain's cache: tokens of large data are kept there for later starts. Default: all tokens are in memory. */
  readonly cacheDir?: string | undefined;
  /** The clock of templates that write the date. Default: the system's. */
  readonly now?: () => Date;
}
