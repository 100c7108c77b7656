/** Format `tokens`: `{"input_ids": […], "labels": […]?}`, -100 where a token is not supervised; without labels all are. */
import { CoxswainError } from "../../errors.js";
import { plainNumber } from "../../jinja/index.js";
import { IGNORE } from "../row.js";
import type { ExampleReader } from "./example.js";
import { describe, listField, type Fields } from "./fields.js";

function ids(fields: Fields, key: string, where: string, allowed: (id: number) => boolean, range: string): Int32Array {
  const list = listField(fields, key, where, "a list of token ids");
  return Int32Array.from(list, (given, index) => {
    const value = plainNumber(given);
    if (typeof value === "number" && Number.isInteger(value) && allowed(value)) return value;
    throw new CoxswainError("data", `${where}: "${key}" has ${describe(value)} at ${index}; expected ${range}`, {
      hint: "Tokenise the data with this model's own tokenizer.",
    });
  });
}

/** @param vocabSize ids the model can take: 0 .. vocabSize-1 */
export const readTokens =
  (vocabSize: number): ExampleReader =>
  (fields, where) => {
    const known = (id: number): boolean => id >= 0 && id < vocabSize;
    const range = `an id from 0 to ${vocabSize - 1}`;
    const inputIds = ids(fields, "input_ids", where, known, range);
    if (fields["labels"] === undefined || fields["labels"] === null) {
      return { kind: "tokens", inputIds, labels: inputIds };
    }
    const labels = ids(fields, "labels", where, (id) => id === IGNORE || known(id), `${IGNORE} or ${range}`);
    if (labels.length !== inputIds.length) {
      const lengths = `${inputIds.length} "input_ids" but ${labels.length} "labels"`;
      throw new CoxswainError("data", `${where}: ${lengths}`, { hint: "Give one label for each token." });
    }
    return { kind: "tokens", inputIds, labels };
  };
