/**
 * Other arrangements of a list of messages that mean the same without doubt: columns of roles and contents, as Hugging
 * Face's data sets give a sequence of structures, and turns that have the speaker as their key. Pure.
 */
import { CoxswainError } from "../../errors.js";
import { isObject } from "../json-object.js";

type Fields = Readonly<Record<string, unknown>>;

/** What a list of messages may look like, for hints. */
export const acceptedMessages =
  '[{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}], the same with "from" and "value", or ' +
  '[{"user": "...", "assistant": "..."}]';

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** `{"role": ["user", …], "content": ["…", …]}`, one list per key, as a list of messages; undefined for anything else. */
export function messagesOfColumns(value: unknown): readonly unknown[] | undefined {
  if (!isObject(value) || !("role" in value || "from" in value)) return undefined;
  const columns = Object.entries(value);
  const [first] = columns.map(([, column]) => column);
  if (!isList(first) || !columns.every(([, column]) => isList(column) && column.length === first.length))
    return undefined;
  return first.map((_, index) =>
    Object.fromEntries(columns.map(([key, column]) => [key, (column as unknown[])[index]])),
  );
}

/**
 * The messages of a turn such as `{"user": "…", "assistant": "…"}`, in the order of its keys.
 * @param speakers names of senders
 * @returns undefined for a turn of another form
 * @throws CoxswainError "data" if it has other keys besides, which would be lost
 */
export function messagesOfSpeakers(
  fields: Fields,
  speakers: ReadonlyMap<string, string>,
  where: string,
  what: string,
): readonly Fields[] | undefined {
  const keys = Object.keys(fields).filter((key) => fields[key] !== null && fields[key] !== undefined);
  const spoken = keys.filter((key) => speakers.has(key) && typeof fields[key] === "string");
  if (spoken.length === 0 || ["role", "from", "content", "value"].some((key) => key in fields)) return undefined;
  const other = keys.find((key) => !spoken.includes(key));
  if (other !== undefined) {
    throw new CoxswainError(
      "data",
      `${where}: ${what} has the speakers ${spoken.join(", ")} and the key ${JSON.stringify(other)}`,
      {
        hint: `Remove the key, or write the messages as ${acceptedMessages}.`,
      },
    );
  }
  return spoken.map((key) => ({ role: speakers.get(key), content: fields[key] }));
}
