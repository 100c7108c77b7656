/**
 * Finds special tokens that a message has as text. They are tokenised as the tokens that they name, as in transformers, so
 * that a text can end its turn or begin another one.
 */
import type { ChatMessage } from "./conversation.js";

/** Reasoning within an assistant's text, which templates look for. */
const reasoning = /think/i;

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** @returns a function that gives the first special token in a text of the messages, or null */
export function controlTokenFinder(
  controlTokens: ReadonlySet<string>,
): (messages: readonly ChatMessage[]) => string | null {
  const finder = (tokens: readonly string[]): RegExp | null =>
    tokens.length === 0 ? null : new RegExp(tokens.map(literal).join("|"));
  const tokens = [...controlTokens].filter((token) => token !== "").sort((a, b) => b.length - a.length);
  const [any, ofAssistant] = [finder(tokens), finder(tokens.filter((token) => !reasoning.test(token)))];
  return (messages) => {
    for (const message of messages) {
      const find = message.role === "assistant" ? ofAssistant : any;
      for (const [key, value] of Object.entries(message)) {
        if (key === "role" || typeof value !== "string") continue;
        const found = find?.exec(value);
        if (found !== null && found !== undefined) return found[0];
      }
    }
    return null;
  };
}
