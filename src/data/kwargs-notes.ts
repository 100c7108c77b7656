/** Notes for the user about the variables of a chat template that a model is used with. Pure. */
import { isDeepStrictEqual } from "node:util";
import { plainNumber } from "../jinja/index.js";
import type { ChatTemplates } from "./model-templates.js";

const shown = (value: unknown): string => JSON.stringify(value, (_, member: unknown) => plainNumber(member));

/** Says which variables of the chat template come from the adapter or differ from its own, and which are not read. */
export function kwargsNotes(
  trained: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
  { plain, tools }: ChatTemplates,
): readonly string[] {
  const names = Object.keys({ ...trained, ...given });
  const unread = names.filter((name) => !plain.mentions(name) && !tools.mentions(name));
  const notes = unread.map((name) => `the chat template does not read the variable ${JSON.stringify(name)}`);
  const own = Object.entries(trained).filter(([name]) => !Object.hasOwn(given, name));
  if (own.length > 0) {
    notes.push(`chat template variables as the adapter was trained: ${shown(Object.fromEntries(own))}`);
  }
  for (const [name, then] of Object.entries(trained)) {
    if (!Object.hasOwn(given, name) || isDeepStrictEqual(given[name], then)) continue;
    const now = shown(given[name]);
    notes.push(`chat template variable ${JSON.stringify(name)}: ${now}; the adapter was trained with ${shown(then)}`);
  }
  return notes;
}
