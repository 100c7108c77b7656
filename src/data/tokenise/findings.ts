/** What there is to be said of lines besides their tokens. */
import type { UnreadKeys } from "../formats/index.js";
import type { IgnoredKind } from "../ignored.js";

export type WarningKind =
  | IgnoredKind
  | "repeated_key"
  | "replacement_character"
  | "missing_value"
  | "truncated"
  | "dropped"
  | "control_token"
  | "split_boundary"
  | "split_prompt"
  | "joined_start"
  | "other_prompt"
  | "missing_eos"
  | "dated";

/** In the order of the lines. */
export interface Findings {
  readonly warnings: readonly (readonly [kind: WarningKind, where: string])[];
  /** Keys of examples that their formats do not read. */
  readonly unread: readonly (UnreadKeys & { readonly where: string })[];
}
