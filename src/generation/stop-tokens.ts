/** Which tokens end an answer. */
import { CoxswainError } from "../errors.js";
import type { ChatTemplates, TextTokenizer } from "../data/index.js";

/** A text that no template has a reason to change, and that no tokenizer takes for a special token. */
const answerMark = "coxswain0answer";

/**
 * The model's end-of-text ids (tokenizer and generation_config.json), and the control token that the chat template
 * writes right after an assistant's text, where there is one.
 * @param templates null: no conversation, the end-of-text ids alone
 */
export function stopTokens(
  tokenizer: Pick<TextTokenizer, "eosIds" | "controlTokens" | "tokenToId">,
  templates: ChatTemplates | null,
): Set<number> {
  const ids = new Set(tokenizer.eosIds);
  const endOfTurn = templates === null ? null : endOfTurnToken(templates, tokenizer.controlTokens);
  const id = endOfTurn === null ? null : tokenizer.tokenToId(endOfTurn);
  if (id !== null) ids.add(id);
  return ids;
}

function endOfTurnToken({ plain }: ChatTemplates, controlTokens: ReadonlySet<string>): string | null {
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
