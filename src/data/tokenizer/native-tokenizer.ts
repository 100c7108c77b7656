/** A definition as native tokenizers: one that encodes, and one that decodes and knows all tokens. */
import { AddedToken, Tokenizer, templateProcessing } from "tokenizers";
import { CoxswainError, messageOf } from "../../errors.js";
import { isObject } from "../json-object.js";
import { addedTokenOf, type AddedTokenSpec } from "./added-token.js";
import type { TokenizerDefinition } from "./definition.js";

export interface NativeTokenizers {
  readonly encoder: Tokenizer;
  /** The same unless special tokens are split. */
  readonly decoder: Tokenizer;
}

/** @throws CoxswainError "model" if tokenizer.json isn't a tokenizer */
export function openNative(folder: string, definition: TokenizerDefinition): NativeTokenizers {
  const decoder = load(folder, definition.json, definition.added);
  const { json, added } = definition.splitSpecialTokens ? withoutSpecial(definition, decoder) : definition;
  const encoder = definition.splitSpecialTokens ? load(folder, json, added) : decoder;
  const { before } = definition;
  const id = before === null ? null : decoder.tokenToId(before);
  if (before !== null && id !== null) {
    encoder.setPostProcessor(templateProcessing(`${before}:0 $A:0`, `${before}:0 $A:0 $B:1`, [[before, id]]));
  }
  return { encoder, decoder };
}

function load(folder: string, json: string, added: readonly AddedTokenSpec[]): Tokenizer {
  let native: Tokenizer;
  try {
    native = Tokenizer.fromString(json);
  } catch (error) {
    throw new CoxswainError("model", `${folder}/tokenizer.json isn't a tokenizer: ${messageOf(error)}`, {
      hint: "It may be truncated, or written by a newer version of `tokenizers` than this program uses.",
      cause: error,
    });
  }
  native.disableTruncation();
  native.disablePadding();
  if (added.length > 0) native.addAddedTokens(added.map(toNative));
  return native;
}

function toNative({ content, special, singleWord, leftStrip, rightStrip, normalized }: AddedTokenSpec): AddedToken {
  return new AddedToken(content, special, { singleWord, leftStrip, rightStrip, normalized: normalized ?? !special });
}

/**
 * `encode_special_tokens` of the Rust library, which its Node binding does not expose: the same tokenizer without its
 * special tokens. One that has an id of its own, beyond the model's vocabulary, is replaced by a text that no data
 * contains, so that the others keep their ids.
 */
function withoutSpecial(
  { json, added, special }: TokenizerDefinition,
  full: Tokenizer,
): { readonly json: string; readonly added: readonly AddedTokenSpec[] } {
  const modelSize = full.getVocabSize(false);
  const standIn = <Token extends { readonly content: string }>(token: Token): Token[] => {
    if (!special.has(token.content)) return [token];
    const id = full.tokenToId(token.content) ?? 0;
    return id < modelSize ? [] : [{ ...token, content: `\u{10fffe}${id}\u{10fffe}` }];
  };
  const tokenizer: unknown = JSON.parse(json);
  if (!isObject(tokenizer)) return { json, added };
  const listed: unknown = tokenizer["added_tokens"];
  const entries = Array.isArray(listed) ? listed.filter(isObject) : [];
  const kept = entries.flatMap((entry) => {
    const token = addedTokenOf(entry);
    return token === null ? [] : standIn({ ...entry, content: token.content });
  });
  return { json: JSON.stringify({ ...tokenizer, added_tokens: kept }), added: added.flatMap(standIn) };
}
