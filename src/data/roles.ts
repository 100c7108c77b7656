/**
 * Known roles of messages, and suggestions for misspelt ones. An unknown role is an error: otherwise a message of
 * "asistant" would never be learnt.
 */
import { CoxswainError } from "../errors.js";
import { nearest } from "../nearest.js";
import type { ChatMessage } from "./conversation.js";

/** Roles common to chat templates and datasets. */
const commonRoles = ["system", "developer", "user", "assistant", "tool", "function", "ipython"] as const;

/** Synonyms, which edit distance cannot find. */
const otherNames: Readonly<Record<string, string>> = {
  agent: "assistant",
  ai: "assistant",
  bard: "assistant",
  bing: "assistant",
  bot: "assistant",
  chatbot: "assistant",
  chatgpt: "assistant",
  completion: "assistant",
  customer: "user",
  gpt: "assistant",
  human: "user",
  instruction: "user",
  llm: "assistant",
  model: "assistant",
  observation: "tool",
  output: "assistant",
  prompt: "user",
  question: "user",
  response: "assistant",
  answer: "assistant",
  tool_response: "tool",
  tool_result: "tool",
};

/** The role that `name` probably means, or undefined. */
export function nearestRole(name: string, roles: Iterable<string>): string | undefined {
  const known = [...roles];
  const word = name.trim().toLowerCase();
  if (known.includes(word)) return word;
  const other = Object.hasOwn(otherNames, word) ? otherNames[word] : undefined;
  return other !== undefined && known.includes(other) ? other : nearest(word, known);
}

/** A role in a template's conditions: `message.role == "critic"`, `message['role'] in ["critic", 'judge']`. */
const comparisons = [
  /\brole\b['"\]\s)]*(?:==|!=)\s*(['"])([^'"]+)\1/g,
  /(['"])([^'"]+)\1\s*(?:==|!=)\s*[\w.[\]'"]*\brole\b/g,
] as const;
const memberships = /\brole\b['"\]\s)]*(?:not\s+)?in\s*[[(]([^\])]*)[\])]/g;

/** Roles that a template distinguishes, from its source. */
export function rolesNamedIn(source: string): readonly string[] {
  const compared = comparisons.flatMap((pattern) => [...source.matchAll(pattern)].map(([, , role]) => role));
  const listed = [...source.matchAll(memberships)].flatMap(([, list = ""]) =>
    [...list.matchAll(/(['"])([^'"]+)\1/g)].map(([, , role]) => role),
  );
  return [...new Set([...compared, ...listed])].filter((role) => role !== undefined);
}

/** @param sources of the templates that conversations are rendered with */
export const knownRoles = (...sources: readonly string[]): ReadonlySet<string> =>
  new Set([...commonRoles, ...sources.flatMap(rolesNamedIn)]);

/**
 * @param promptMessages the number of leading messages from "prompt", the rest being from "completion"; 0: all in one
 * list
 * @throws CoxswainError "data" for an unknown role, with the nearest known one
 */
export function requireKnownRoles(
  messages: readonly ChatMessage[],
  roles: ReadonlySet<string>,
  where: string,
  promptMessages = 0,
): void {
  const index = messages.findIndex(({ role }) => !roles.has(role));
  const role = messages[index]?.role;
  if (role === undefined) return;
  const meant = nearestRole(role, roles);
  const question = meant === undefined ? "" : ` (did you mean ${JSON.stringify(meant)}?)`;
  const list = promptMessages === 0 ? "" : index < promptMessages ? ' of "prompt"' : ' of "completion"';
  const number = index < promptMessages ? index + 1 : index - promptMessages + 1;
  throw new CoxswainError(
    "data",
    `${where}: message ${number}${list} has the unknown role ${JSON.stringify(role)}${question}`,
    {
      hint:
        `Only messages of the role "assistant" are learnt. Known roles are ${[...roles].join(", ")}; ` +
        "the chat template (data.chat_template) must name any other.",
    },
  );
}
