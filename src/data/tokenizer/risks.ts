/**
 * What in a tokenizer's definition may take more time or memory than its text is worth, or end the process: such a
 * tokenizer is rehearsed in a process of its own (`rehearsal.ts`). Pure.
 */
import { isObject, type JsonObject } from "../json-object.js";
import { isLinear } from "./linear-pattern.js";

/** Times that a text may grow by its normaliser, and its tokens by the decoder. */
const mostGrowth = 32;
/** Characters of a text that is put before or after each one; tokens of a template. */
const longestAffix = 1_000;
/** Characters of a word that WordPiece looks at; the usual number is 100. */
const longestWord = 1_000;

/** @returns sentences on what is risky: "the pattern … may take too many steps" */
export function risksOf(tokenizer: JsonObject): readonly string[] {
  const parts = ["normalizer", "pre_tokenizer", "post_processor", "decoder"].map((key) => tokenizer[key]);
  const objects = parts.flatMap(objectsIn);
  const growths = ["normalizer", "decoder"].map((key) =>
    objectsIn(tokenizer[key]).reduce((product, object) => product * growthOf(object), 1),
  );
  const model = tokenizer["model"];
  const word = isObject(model) ? model["max_input_chars_per_word"] : undefined;
  return [
    ...new Set(
      objects.flatMap((object) =>
        patternsOf(object)
          .filter((pattern) => !isLinear(pattern))
          .map((pattern) => `the pattern ${JSON.stringify(pattern.slice(0, 100))}`),
      ),
    ),
    ...growths.filter((growth) => growth > mostGrowth).map((growth) => `texts that grow by a factor of ${growth}`),
    ...(objects.some(isLongAffix) ? ["what is put before or after each text"] : []),
    ...(typeof word === "number" && word > longestWord ? [`"max_input_chars_per_word" of ${word}`] : []),
  ];
}

/** The objects within a part, itself included. Parts are a few levels deep. */
function objectsIn(value: unknown, level = 0): JsonObject[] {
  if (level > 50) return [{ Regex: "((too deep)+)+" }];
  if (Array.isArray(value)) return value.flatMap((inner) => objectsIn(inner, level + 1));
  if (!isObject(value)) return [];
  return [value, ...Object.values(value).flatMap((inner) => objectsIn(inner, level + 1))];
}

const patternsOf = ({ Regex: pattern }: JsonObject): string[] => (typeof pattern === "string" ? [pattern] : []);

function growthOf({ type, pattern, content, precompiled_charsmap: charsmap }: JsonObject): number {
  if (type === "Precompiled") return typeof charsmap === "string" ? longestReplacement(charsmap) : 1;
  if (type !== "Replace" || typeof content !== "string") return 1;
  const given = isObject(pattern) ? pattern["String"] : pattern;
  const replaced = typeof given === "string" ? given.length : 1;
  return replaced === 0 ? Infinity : Math.max(1, content.length / replaced);
}

/** What sentencepiece's table replaces one character by: after a trie with its size, texts that end with a zero. */
function longestReplacement(charsmap: string): number {
  const bytes = Buffer.from(charsmap, "base64");
  if (bytes.length < 4) return 1;
  let [longest, start] = [1, 4 + bytes.readUInt32LE(0)];
  for (let end = bytes.indexOf(0, start); end >= 0; end = bytes.indexOf(0, start)) {
    longest = Math.max(longest, end - start);
    start = end + 1;
  }
  // Bytes in place of characters: up to 33 in the tables of NFKC.
  return Math.max(longest, bytes.length - start) / 2;
}

function isLongAffix({ type, prepend, single, pair }: JsonObject): boolean {
  if (type === "Prepend") return typeof prepend === "string" && prepend.length > longestAffix;
  return [single, pair].some((template) => Array.isArray(template) && template.length > longestAffix);
}
