/** The control token that a chat template writes right after what the assistant says. */
import { CoxswainError } from "../errors.js";
import type { ChatTemplates } from "./model-templates.js";

/** A text that no template has a reason to change, and that no tokenizer takes for a special token. */
const answerMark = "coxswain0answer";

/** @returns null where the template writes none, or cannot be asked */
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
    // A template that wants more than two plain messages cannot be asked; the end-of-text ids remain.
    if (error instanceof CoxswainError && error.code === "data") return null;
    throw error;
  }
  const at = text.lastIndexOf(answerMark);
  if (at < 0) return null;
  const after = text.slice(at + answerMark.length).trimStart();
  const longestFirst = [...controlTokens].sort((a, b) => b.length - a.length);
  return longestFirst.find((token) => token !== "" && after.startsWith(token)) ?? null;
}
