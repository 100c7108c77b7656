/**
 * Examples of shapes that are no format here: says what they are, and how to use them, by mapping their columns where that
 * is enough. Pure.
 */
import { CoxswainError } from "../../errors.js";
import { plainNumber } from "../../jinja/index.js";
import { isTableRow, type Fields } from "./fields.js";

/** A shape that is recognised by its keys, but cannot be trained on as it is. */
interface Shape {
  readonly keys: readonly string[];
  readonly what: string;
  readonly hint: string;
}

const convert = "Convert it to one conversation per line: ";

const refusedShapes: readonly Shape[] = [
  {
    keys: ["message_id", "parent_id"],
    what: "a message of a tree, as in OpenAssistant's data: each line is one message, not a conversation",
    hint: `${convert}follow parent_id from each answer to the root, and write the path as {"messages": [...]}.`,
  },
  {
    keys: ["preferred_output", "non_preferred_output"],
    what: "preference data (OpenAI's for DPO), which supervised training does not use",
    hint: `To train on the preferred answers, write {"messages": [...]} of input.messages and preferred_output.`,
  },
  {
    keys: ["system", "chat"],
    what: "a conversation in one text, as in glaive-function-calling-v2",
    hint: `${convert}split the text at USER:, ASSISTANT: and FUNCTION RESPONSE:, and write {"messages": [...]}.`,
  },
  {
    keys: ["prompt", "completions", "labels"],
    what: "data of a process reward model (steps of an answer, each judged), which supervised training does not use",
    hint: 'To train on whole answers, write {"prompt": ..., "completion": ...}.',
  },
  {
    keys: ["contents"],
    what: "a request of Google's Gemini API",
    hint: `${convert}"contents" to "messages", "parts" to "content", and the role "model" to "assistant".`,
  },
  {
    keys: ["question", "context", "answers"],
    what: "extractive question answering, as in SQuAD",
    hint: 'Write a prompt of context and question, and the answer\'s text: {"prompt": ..., "completion": ...}.',
  },
];

/** Names of columns that mean the same. Earlier ones are preferred. */
const names = {
  conversation: ["conversation", "dialogue", "dialog", "chat_messages", "turns", "data", "chat", "trajectory"],
  question: "prompt question query instruction problem input inputs user human source request article".split(" "),
  answer: (
    "completion answer response output solution target targets assistant reply outputs answers summary " +
    "highlights generation"
  ).split(" "),
  context: ["context", "input"],
  system: ["system_prompt", "system"],
  text: ["content", "body", "document", "article", "sentence", "passage", "code", "paragraph"],
} as const;

type Meaning = keyof typeof names;

/** The key of the example that has this meaning, in any case. */
function keyOf(
  fields: Fields,
  meaning: Meaning,
  isValue: (value: unknown) => boolean,
  besides = "",
): string | undefined {
  const keys = Object.keys(fields).filter((key) => key !== besides && isValue(fields[key]));
  return names[meaning].flatMap((name) => keys.filter((key) => key.toLowerCase() === name))[0];
}

const isText = (value: unknown): boolean => typeof value === "string" || typeof plainNumber(value) === "number";
const isTurn = (value: unknown): boolean =>
  typeof value === "object" && value !== null && ["role", "from"].some((key) => Object.hasOwn(value, key));
const isTurns = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isTurn);
const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string");

/** Which column has what a format needs, such as `{prompt: question, completion: answer}`; undefined if none fits. */
export function suggestedColumns(fields: Fields): Readonly<Record<string, string>> | undefined {
  const conversation = keyOf(fields, "conversation", isTurns);
  if (conversation !== undefined) return { messages: conversation };
  const texts = keyOf(fields, "conversation", isTexts);
  if (texts !== undefined) return { conversations: texts };
  const question = keyOf(fields, "question", isText);
  const answer = question === undefined ? undefined : keyOf(fields, "answer", isText, question);
  if (question === undefined || answer === undefined) {
    const text = keyOf(fields, "text", isText);
    return text === undefined ? undefined : { text };
  }
  const context = keyOf(fields, "context", isText, question);
  const system = keyOf(fields, "system", isText);
  const others = {
    ...(context === undefined || context === answer ? {} : { input: context }),
    ...(system === undefined ? {} : { system }),
  };
  // A prompt that is a text has no place for these.
  const isChat = ["tools", "history"].some((key) => Object.hasOwn(fields, key));
  return Object.keys(others).length === 0 && !isChat
    ? { prompt: question, completion: answer }
    : { instruction: question, ...others, output: answer };
}

/** A source with a mapping of columns, as it is written in the run file. Columns that are not mapped keep their names. */
function inRunFile(columns: Readonly<Record<string, string>>): string {
  const mapped = Object.entries(columns).filter(([key, column]) => key !== column);
  return `{path: ..., columns: {${mapped.map(([key, column]) => `${key}: ${inYaml(column)}`).join(", ")}}}`;
}

const inYaml = (column: string): string =>
  /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(column) ? column : JSON.stringify(column);

const hasAll = (fields: Fields, keys: readonly string[]): boolean => keys.every((key) => Object.hasOwn(fields, key));

/** A shape that must not be read as a format, although it has that format's keys. */
export function refuseOtherShape(fields: Fields, where: string): void {
  const shape = refusedShapes.find(({ keys }) => hasAll(fields, keys));
  if (shape !== undefined) throw new CoxswainError("data", `${where}: this is ${shape.what}`, { hint: shape.hint });
}

/** Pairs of answers, one of which is preferred. */
export function preferenceData(fields: Fields, where: string): CoxswainError | undefined {
  if (!hasAll(fields, ["chosen", "rejected"])) return undefined;
  const { chosen, prompt } = fields;
  const columns =
    Array.isArray(chosen) && !Array.isArray(prompt)
      ? { messages: "chosen" }
      : prompt === undefined
        ? undefined
        : { prompt: "prompt", completion: "chosen" };
  const use = columns === undefined ? "write them as conversations" : `give the source as ${inRunFile(columns)}`;
  return new CoxswainError(
    "data",
    `${where}: this is preference data ("chosen" and "rejected", as for DPO), which supervised training does not use`,
    { hint: `To train on the chosen answers alone, ${use}.` },
  );
}

/**
 * The error for an example that has the keys of no format.
 * @param spelt the columns of a format, if its keys are there with another spelling
 */
export function unknownShape(
  fields: Fields,
  where: string,
  formats: string,
  spelt: Readonly<Record<string, string>> | undefined,
): CoxswainError {
  const preference = preferenceData(fields, where);
  if (preference !== undefined) return preference;
  const keys = Object.keys(fields).join(", ") || "none";
  const header = isTableRow(where)
    ? "The first line of a table names its columns: if it is an example, put a line such as `prompt,completion` before it. "
    : "";
  const columns = spelt ?? suggestedColumns(fields);
  const use =
    columns === undefined
      ? "Convert it to a format, or map its columns with `columns` of a source. "
      : `Give the source as ${inRunFile(columns)}. `;
  return new CoxswainError("data", `${where}: no known format has these keys: ${keys}`, {
    hint: `${header}${use}Formats and their keys: ${formats}.`,
  });
}

/** Keys by which KTO's data tell a good answer from a bad one. */
const verdicts = ["label", "kto_tag"];

/** An answer marked as bad, which must not be learnt. */
export function refuseUndesirable(fields: Fields, where: string): void {
  const key = verdicts.find((each) => fields[each] === false);
  if (key === undefined) return;
  throw new CoxswainError("data", `${where}: "${key}" is false: the answer is marked as undesirable, as for KTO`, {
    hint:
      "Supervised training would learn it. Remove such lines (data.on_bad_example: skip omits them), or remove " +
      `"${key}" if it means something else.`,
  });
}
