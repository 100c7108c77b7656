/** Determines the tokens that end an answer. */
import { endOfTurnToken, type ChatTemplates, type TextTokenizer } from "../data/index.js";

/**
 * The model's end-of-text ids (tokenizer and generation_config.json), and the control token that the chat template
 * writes right after an assistant's text, if any.
 * @param templates null: only the end-of-text ids
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
