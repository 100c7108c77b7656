/** What a token store is built of. */
import type { DataConfig } from "../config/index.js";
import type { DataInput, DatasetVersions } from "./sources/index.js";
import type { TextTokenizer } from "./tokenizer.js";

/** What a line of the data became. */
export interface TokenisedLine {
  /** As in `DataRecord`. */
  readonly where: string;
  readonly source: number;
  /** See sources/content.ts. */
  readonly contentNumber: number;
  /** Whether the weight of its source repeats it: it was read before. */
  readonly isRepeated: boolean;
  /** Whether an answer of it is nothing but its end. */
  readonly hasEmptyAnswer: boolean;
  /** One, or several of a conversation that was split. */
  readonly examples: readonly TokenisedExample[];
}

export interface TokenisedExample {
  /** The line, and the message of a conversation that was split. */
  readonly where: string;
  /** Tokens before truncation. */
  readonly length: number;
  /** Tokens after truncation; 0: it was dropped. */
  readonly tokens: number;
  /** Of these, the supervised ones as the loss counts them. */
  readonly supervised: number;
}

/** Receives what the statistics do not keep, line by line. */
export interface TokenObserver {
  /** Called for each line that was tokenised, in the order of the data. */
  readonly onLine: (line: TokenisedLine) => void;
  /** Called for each line that was skipped as a bad example; once, whatever the weight of its source. */
  readonly onSkipped: (source: number) => void;
}

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
  /** Not called for tokens that come from the cache: give no `cacheDir`. */
  readonly observer?: TokenObserver | undefined;
  /** Threads that tokenise, beside this one; 0: none. Default: for large data one per core and per 512 MiB of memory, at most 4; otherwise 0. */
  readonly threads?: number;
  /** Data sets of the hub. Default: looked up again. */
  readonly datasets?: DatasetVersions | undefined;
  /** Receives the number of examples tokenised so far. */
  readonly onProgress?: (examples: number) => void;
  /** Coxswain's cache: tokens of large data are kept there for later starts. Default: all tokens are in memory. */
  readonly cacheDir?: string | undefined;
  /** The clock of templates that write the date. Default: the system's. */
  readonly now?: () => Date;
}
