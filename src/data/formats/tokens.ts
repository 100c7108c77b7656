/**
 * Format `tokens`: `{"input_ids": […], "labels": […]?, "attention_mask": […]?}`, with label -100 for unsupervised
 * tokens; without labels all are supervised. Tokens whose mask is 0 are padding and are omitted.
 */
import { CoxswainError } from "../../errors.js";
import { plainNumber } from "../../jinja/index.js";
import { IGNORE } from "../row.js";
import type { ExampleReader } from "./example.js";
import { describe, listField, type Fields } from "./fields.js";

const tokenIds = { list: "a list of token ids", hint: "Tokenise the data with this model's own tokenizer." };
const maskValues = {
  list: "a list of 0 and 1",
  hint: "attention_mask must have a 1 for each token, and a 0 for each padding token.",
};

function ids(
  fields: Fields,
  key: string,
  where: string,
  allowed: (id: number) => boolean,
  range: string,
  { hint, list: expected } = tokenIds,
): Int32Array {
  const list = listField(fields, key, where, expected);
  return Int32Array.from(list, (given, index) => {
    const value = plainNumber(given);
    if (typeof value === "number" && Number.isInteger(value) && allowed(value)) return value;
    throw new CoxswainError("data", `${where}: "${key}" has ${describe(value)} at ${index}; expected ${range}`, {
      hint,
    });
  });
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The tokens between the padding at both ends. */
function unpadded(fields: Fields, length: number, where: string): Span {
  if (fields["attention_mask"] === undefined || fields["attention_mask"] === null) return { start: 0, end: length };
  const mask = ids(fields, "attention_mask", where, (value) => value === 0 || value === 1, "0 or 1", maskValues);
  if (mask.length !== length) {
    throw new CoxswainError("data", `${where}: ${length} "input_ids" but ${mask.length} in "attention_mask"`, {
      hint: "Give one 0 or 1 for each token.",
    });
  }
  const start = mask.indexOf(1);
  if (start < 0) {
    throw new CoxswainError("data", `${where}: "attention_mask" is 0 everywhere: there is no token to learn from`, {
      hint: "Remove the line, or correct its attention_mask.",
    });
  }
  const end = mask.lastIndexOf(1) + 1;
  const hole = mask.subarray(start, end).indexOf(0);
  if (hole < 0) return { start, end };
  throw new CoxswainError(
    "data",
    `${where}: "attention_mask" is 0 at ${start + hole}, between tokens whose mask is 1`,
    {
      hint:
        "Only padding at the start or the end can be masked. For a token that is read but not learnt, set its label " +
        "to -100; to omit a token, remove it from input_ids.",
    },
  );
}

/** Other programs' ways to say which tokens are learnt. */
const lossMasks = ["completion_mask", "assistant_masks", "loss_mask"] as const;

/** Without labels every token is learnt: not what a mask with zeros asks for. */
function refuseLossMask(fields: Fields, where: string): void {
  const mask = lossMasks.find((key) => {
    const list = fields[key];
    return Array.isArray(list) && list.some((value) => plainNumber(value) === 0);
  });
  if (mask === undefined) return;
  throw new CoxswainError("data", `${where}: "${mask}" is not read, and without "labels" every token would be learnt`, {
    hint: "Give labels: the token's id where it is learnt, and -100 where the mask is 0.",
  });
}

/** @param vocabSize valid ids are 0 .. vocabSize-1 */
export const readTokens =
  (vocabSize: number): ExampleReader =>
  (fields, where) => {
    const known = (id: number): boolean => id >= 0 && id < vocabSize;
    const range = `an id from 0 to ${vocabSize - 1}`;
    const inputIds = ids(fields, "input_ids", where, known, range);
    const { start, end } = unpadded(fields, inputIds.length, where);
    const tokens = inputIds.subarray(start, end);
    if (fields["labels"] === undefined || fields["labels"] === null) {
      refuseLossMask(fields, where);
      return { kind: "tokens", inputIds: tokens, labels: tokens };
    }
    const labels = ids(fields, "labels", where, (id) => id === IGNORE || known(id), `${IGNORE} or ${range}`);
    if (labels.length !== inputIds.length) {
      const lengths = `${inputIds.length} "input_ids" but ${labels.length} "labels"`;
      throw new CoxswainError("data", `${where}: ${lengths}`, { hint: "Give one label for each token." });
    }
    return { kind: "tokens", inputIds: tokens, labels: labels.subarray(start, end) };
  };
