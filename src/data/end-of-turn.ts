/** Finds the control token that a chat template writes directly after the assistant's text. */
import { CoxswainError } from "../errors.js";
import type { ChatTemplates } from "./model-templates.js";

/** A text that no template changes, and that is no tokenizer's special token. */
const answerMark = "coxswain0answer";

/** @returns null if the template writes none, or cannot be rendered */
export function endOfTurnToken(
  { plain }: Pick<ChatTemplates, "plain">,
  controlTokens: ReadonlySet<string>,
): string | null {
  const messages = [
    { role: "user", content: "?" },
    { role: "assistant", content: answerMark },
  ];
  let text: string;
  try {
    text = plain.render({ messages, tools: null });
  } catch (error) {
    // A template that needs more than two plain messages cannot be rendered; the end-of-text ids remain.
    if (error instanceof CoxswainError && error.code === "data") return null;
    throw error;
  }
  const at = text.lastIndexOf(answerMark);
  if (at < 0) return null;
  const after = text.slice(at + answerMark.length).trimStart();
  const longestFirst = [...controlTokens].sort((a, b) => b.length - a.length);
  return longestFirst.find((token) => token !== "" && after.startsWith(token)) ?? null;
}
