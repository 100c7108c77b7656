/** `chat_template_kwargs` beside `messages`: further variables of the chat template, for this example. */
import { reservedNameProblem } from "../../config/index.js";
import { CoxswainError, messageOf } from "../../errors.js";
import { jsonKey, parseJson } from "../../jinja/index.js";
import { objectOf, type Fields } from "./fields.js";

const key = "chat_template_kwargs";

/**
 * An object, or its JSON text (columns of a data set can't hold mixed objects). A member that is null counts as absent,
 * since columnar formats pad with null.
 */
export function templateKwargsField(fields: Fields, where: string): Readonly<Record<string, unknown>> | null {
  let value = fields[key];
  if (value === undefined || value === null) return null;
  if (typeof value === "string") value = parseText(value, where);
  const given = Object.entries(objectOf(value, where, `"${key}"`)).filter(([, member]) => member !== null);
  for (const [name] of given) {
    const problem = reservedNameProblem(jsonKey(name));
    if (problem === undefined) continue;
    throw new CoxswainError("data", `${where}: "${key}" has the reserved name ${JSON.stringify(name)}`, {
      hint: problem,
    });
  }
  return given.length === 0 ? null : Object.fromEntries(given);
}

function parseText(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new CoxswainError("data", `${where}: "${key}" is a string that isn't JSON: ${messageOf(error)}`, {
      hint: `"${key}" must be an object such as {"enable_thinking": false}, or such an object as JSON text.`,
    });
  }
}
