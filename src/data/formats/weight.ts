/**
 * Whether a message of the assistant is supervised: `weight` of 0 or 1, as in OpenAI's fine-tuning format, or a flag of
 * another training program (`loss`, `train`, `training`). A message that is not supervised is context: read, not learnt.
 *
 * OpenAI's format allows `weight` in messages of the assistant only. In other messages, which are never supervised, it is
 * checked and has no effect.
 */
import { CoxswainError } from "../../errors.js";
import { plainNumber } from "../../jinja/index.js";
import { describe, type Fields } from "./fields.js";

const weightKey = "weight";
/** ms-swift's and axolotl's keys: true or false, or 1 or 0. */
const flagKeys = ["loss", "train", "training"] as const;

/** Keys of a message that this file reads; they are not passed to the template. */
export const supervisionKeys: readonly string[] = [weightKey, ...flagKeys];

function flagOf(fields: Fields, key: string, where: string, what: string): boolean | undefined {
  const value = plainNumber(fields[key]);
  if (value === undefined || value === null) return undefined;
  if (value === 0 || value === 1) return value === 1;
  if (typeof value === "boolean" && key !== weightKey) return value;
  const expected = key === weightKey ? "0 or 1" : "true or false";
  throw new CoxswainError("data", `${where}: "${key}" of ${what} is ${describe(value)}; expected ${expected}`, {
    hint:
      `1 (or no "weight") supervises a message of the assistant, 0 makes it context. Loss cannot be weighted otherwise: ` +
      `correct the line, or remove "${key}".`,
  });
}

/**
 * Whether a message may be supervised, as far as its own keys say.
 * @param what names the message in errors
 * @throws CoxswainError "data" for a weight other than 0 and 1, or for keys that contradict each other
 */
export function isSupervised(fields: Fields, where: string, what: string): boolean {
  const flags = supervisionKeys.flatMap((key) => {
    const flag = flagOf(fields, key, where, what);
    return flag === undefined ? [] : [{ key, flag }];
  });
  const [first] = flags;
  if (first === undefined) return true;
  const other = flags.find(({ flag }) => flag !== first.flag);
  if (other === undefined) return first.flag;
  throw new CoxswainError("data", `${where}: "${first.key}" and "${other.key}" of ${what} contradict each other`, {
    hint: "Keep one of the two.",
  });
}
