/** Added tokens: matched in the text before the tokenizer's model runs, with flags that decide what they match. */
import { isObject } from "../json-object.js";

export interface AddedTokenSpec {
  readonly content: string;
  /** Omitted by decoding without special tokens. */
  readonly special: boolean;
  /** Matches only between characters that are not part of a word. */
  readonly singleWord: boolean;
  /** Matches the whitespace before it, too. */
  readonly leftStrip: boolean;
  /** Matches the whitespace after it, too. */
  readonly rightStrip: boolean;
  /** Matches normalised text; null: unless it is special. */
  readonly normalized: boolean | null;
}

/** A token that is given as text alone: special, in `tokenizers`' terms. */
export const specialToken = (content: string): AddedTokenSpec => ({
  content,
  special: true,
  singleWord: false,
  leftStrip: false,
  rightStrip: false,
  normalized: false,
});

export const asSpecial = (token: AddedTokenSpec): AddedTokenSpec => ({ ...token, special: true });

/** An AddedToken as tokenizer.json and tokenizer_config.json write it; null for anything else. */
export function addedTokenOf(value: unknown): AddedTokenSpec | null {
  if (!isObject(value) || typeof value["content"] !== "string") return null;
  return {
    content: value["content"],
    special: value["special"] === true,
    singleWord: value["single_word"] === true,
    leftStrip: value["lstrip"] === true,
    rightStrip: value["rstrip"] === true,
    normalized: typeof value["normalized"] === "boolean" ? value["normalized"] : null,
  };
}

/** A token in a list of special tokens: text, or an AddedToken, which is special unless it says otherwise. */
export const specialTokenOf = (value: unknown): AddedTokenSpec | null =>
  typeof value === "string"
    ? specialToken(value)
    : addedTokenOf(isObject(value) && !("special" in value) ? { ...value, special: true } : value);

/** By id, in ascending order: entries of `added_tokens_decoder` or `added_tokens`. */
export const inOrderOfId = (tokens: ReadonlyMap<number, AddedTokenSpec>): AddedTokenSpec[] =>
  [...tokens].sort(([one], [other]) => one - other).map(([, token]) => token);
