/** The error for data without an example, with what such a file should hold. Pure. */
import path from "node:path";
import { CoxswainError } from "../../errors.js";
import { namesOf, type DataSelection } from "./selection.js";

/** By what a file is named, without its compression. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/\.(csv|tsv)$/, "Its first line names the columns, and each further row is an example, such as: prompt,completion"],
  [/\.parquet$/, "The file has no rows. Write it again, or copy it again if it should have some."],
  [/\.json$/, 'Write a list of objects, such as [{"messages": [...]}, ...].'],
  [/\.(jsonl|ndjson)$/, 'Write one JSON object per line, such as {"messages": [...]}.'],
];

export function noExamples(selection: DataSelection): CoxswainError {
  const kinds = new Set(
    selection.sources.map(({ path: file }) => path.extname((file ?? "").toLowerCase().replace(/\.(gz|zst)$/, ""))),
  );
  const [kind] = kinds.size === 1 ? kinds : [];
  const hint = hints.find(([pattern]) => pattern.test(kind ?? ""))?.[1];
  return new CoxswainError("data", `${namesOf(selection)}: no examples found`, {
    hint: hint ?? "Its files are empty: check that these are the right ones, and that they were copied whole.",
  });
}
