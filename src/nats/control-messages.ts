/** Requests and replies on a run's control subjects, as JSON. Users' programs read the names: add, don't rename. */
import { checkShowable } from "../control/index.js";
import type { Checkpoint, RunStatus } from "../control/index.js";
import { CoxswainError } from "../errors.js";
import { packError, unpackError } from "../packed-error.js";
import type { PackedError } from "../packed-error.js";
import { visibleTexts } from "../visible-text.js";

/** May be omitted or empty. */
export interface ControlRequest {
  /** Who asks, for events.jsonl: "user@host". */
  readonly by?: string | undefined;
}

export type ControlReply =
  { readonly status: RunStatus } | { readonly checkpoint: Checkpoint } | { readonly error: PackedError };

export const errorReply = (error: unknown): ControlReply => ({ error: packError(error) });

/** @throws CoxswainError "usage" if it is not a request */
export function parseRequest(text: string): ControlRequest {
  if (text === "") return {};
  const { by } = asObject(text, "a request");
  if (by === undefined) return {};
  if (typeof by !== "string") throw new CoxswainError("usage", 'a request\'s "by" is a text');
  checkShowable(by);
  return by === "" ? {} : { by };
}

/** @throws CoxswainError: the one in the reply, or "network" if it is not a valid reply */
export function parseReply(text: string): Exclude<ControlReply, { error: unknown }> {
  const reply = visibleTexts(asObject(text, "an answer")) as Partial<
    Record<"status" | "checkpoint" | "error", unknown>
  >;
  if (reply.error !== undefined) throw unpackError(reply.error as PackedError);
  if (reply.status === undefined && reply.checkpoint === undefined) throw notOurs("an answer");
  return reply as Exclude<ControlReply, { error: unknown }>;
}

function asObject(text: string, what: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw notOurs(what);
}

const notOurs = (what: string): CoxswainError =>
  new CoxswainError("usage", `${what} on a control subject must be a JSON object`, {
    hint: "See docs/nats.md for the messages.",
  });
