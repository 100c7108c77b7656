/** What the main thread and a tokenising thread say to each other. */
import type { PackedError } from "../../packed-error.js";
import type { TokeniseSettings } from "./line.js";
import type { PackedLines, PackedTokens } from "./packed-lines.js";

/** What a thread starts with. */
export interface ThreadSettings extends TokeniseSettings {
  /** Of the tokenizer: as for `openTokenizer`. */
  readonly folder: string;
  readonly adapter: string | null;
}

export type Request = PackedLines & { readonly id: number };

export type Reply =
  { readonly id: number; readonly tokens: PackedTokens } | { readonly id: number; readonly error: PackedError };
