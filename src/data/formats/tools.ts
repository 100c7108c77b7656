/** Schemas of the tools that an example's assistant may call: `tools`, or OpenAI's older `functions`. */
import { CoxswainError, messageOf } from "../../errors.js";
import { parseJson } from "../../jinja/index.js";
import { unexpected, type Fields } from "./fields.js";
import { unpaddedTools } from "./padding.js";

/** A list, or JSON text of a list (columns of a dataset can't hold mixed objects); null if there is none. */
function schemas(fields: Fields, key: string, where: string): readonly unknown[] | null {
  const given = fields[key];
  const list = typeof given === "string" ? parsed(given, key, where) : given;
  if (list === undefined || list === null) return null;
  if (!Array.isArray(list)) throw unexpected(where, `"${key}"`, list, "a list of JSON schemas");
  if (list.length === 0) return null;
  return typeof given === "string" ? (list as readonly unknown[]) : unpaddedTools(list);
}

function parsed(text: string, key: string, where: string): unknown {
  if (text.trim() === "") return null;
  try {
    return parseJson(text);
  } catch (error) {
    throw new CoxswainError("data", `${where}: "${key}" is a string that isn't JSON: ${messageOf(error)}`, {
      hint: `"${key}" must be a list of JSON schemas, or such a list as JSON text.`,
    });
  }
}

export function toolsField(fields: Fields, where: string): readonly unknown[] | null {
  const tools = schemas(fields, "tools", where);
  const functions = schemas(fields, "functions", where);
  if (functions === null) return tools;
  if (tools === null) return functions.map((each) => ({ type: "function", function: each }));
  throw new CoxswainError("data", `${where}: the example has both "tools" and "functions"`, {
    hint: '"functions" is the older name of "tools": keep one of the two.',
  });
}
