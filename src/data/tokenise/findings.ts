/** What there is to be said of lines besides their tokens. */
import type { UnreadKeys } from "../formats/index.js";

export type WarningKind =
  | "repeated_key"
  | "replacement_character"
  | "ignored_tools"
  | "ignored_tool_calls"
  | "ignored_message"
  | "ignored_message_key"
  | "ignored_kwarg"
  | "empty_answer"
  | "open_answer"
  | "developer_as_system"
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
