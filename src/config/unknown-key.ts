/** What is said of a key that the schema does not have, and which key was meant. */
import { nearest } from "../nearest.js";
import { allKeys, dotted, fieldNames, isSecret, kindOf, schemaAt, type KeyPath } from "./keys.js";
import { suggestKey } from "./suggest.js";

/** `unknown key (did you mean "learning_rate"?)`; a key of another section is suggested by its full name. */
export function unknownKeyMessage(section: KeyPath, name: string): string {
  if (name === "greater_is_better")
    return "there is no such key, nor a need for it: a lower eval_loss and a higher exact_match are better. Omit it";
  if (name === "<<") return "merge keys are not supported: write the keys out, or repeat a whole value by an alias";
  const near = section.length < 2 ? undefined : nearest(name, fieldNames(schemaAt(section)));
  if (near !== undefined) return `unknown key (did you mean "${near}"?)`;
  const suggestion = suggestKey(dotted(section), name, allKeys());
  if (suggestion === undefined) return "unknown key";
  const prefix = section.length === 0 ? "" : `${dotted(section)}.`;
  const sibling = suggestion.startsWith(prefix) && !suggestion.slice(prefix.length).includes(".");
  return `unknown key (did you mean ${sibling ? `"${suggestion.slice(prefix.length)}"` : suggestion}?)`;
}

/**
 * The dotted key with a value that `name` is or probably means, with its section or without; or undefined. No secret: those
 * do not belong on a command line.
 */
export function keyLike(name: string): string | undefined {
  const takesValue = (key: string): boolean => {
    const schema = schemaAt(key.split("."));
    return schema !== undefined && kindOf(schema) === "value" && !isSecret(key.split("."));
  };
  if (takesValue(name)) return name;
  const path = name.split(".");
  return suggestKey(dotted(path.slice(0, -1)), path.at(-1) ?? "", allKeys().filter(takesValue));
}
