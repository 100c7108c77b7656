/** The message for a key that the schema does not have. */
import { allKeys, dotted, type KeyPath } from "./keys.js";
import { isPlannedKey } from "./planned-keys.js";
import { suggestKey } from "./suggest.js";

/** `unknown key (did you mean "learning_rate"?)`; a key of another section is suggested by its full name. */
export function unknownKeyMessage(section: KeyPath, name: string): string {
  if (isPlannedKey(dotted([...section, name]))) return "this key is not supported yet: omit it";
  if (name === "<<") return "merge keys are not supported: write the keys out, or use an alias for a whole section";
  const suggestion = suggestKey(dotted(section), name, allKeys());
  if (suggestion === undefined) return "unknown key";
  const prefix = section.length === 0 ? "" : `${dotted(section)}.`;
  const sibling = suggestion.startsWith(prefix) && !suggestion.slice(prefix.length).includes(".");
  return `unknown key (did you mean ${sibling ? `"${suggestion.slice(prefix.length)}"` : suggestion}?)`;
}
