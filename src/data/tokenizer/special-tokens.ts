/**
 * The tokens that a model folder's files name in addition to tokenizer.json's, with the flags and in the order of
 * transformers 5 (`PreTrainedTokenizerBase._from_pretrained`, `TokenizersBackend.__init__`).
 */
import { CoxswainError } from "../../errors.js";
import { isObject, type JsonObject } from "../json-object.js";
import type { SpecialTokens } from "../tokenizer-files.js";
import {
  addedTokenOf,
  asSpecial,
  inOrderOfId,
  specialToken,
  specialTokenOf,
  type AddedTokenSpec,
} from "./added-token.js";
import { isStandardName, tokenSettings } from "./token-settings.js";

export interface SpecialTokenSources {
  /** For messages. */
  readonly folder: string;
  /** tokenizer_config.json. */
  readonly config: JsonObject;
  /** special_tokens_map.json and added_tokens.json: only read if `config` has no `added_tokens_decoder`. */
  readonly specialTokensMap: JsonObject;
  readonly addedTokensFile: JsonObject;
  /** `added_tokens` of tokenizer.json, by id. */
  readonly inFile: ReadonlyMap<number, AddedTokenSpec>;
  /** Texts of the tokens that the tokenizer has before others are added. */
  readonly inTokenizer: ReadonlySet<string>;
  /** Named tokens of the tokenizer's class, where the files name none. */
  readonly defaults: SpecialTokens;
}

export interface ResolvedTokens {
  /** Texts by transformers' names: `bos_token`, …, and the model's own, such as `image_token`. */
  readonly named: SpecialTokens;
  /** Texts of special tokens without a name. */
  readonly extra: readonly string[];
  /** All tokens to add to those of the tokenizer, in order; one that it has gets these flags. */
  readonly toAdd: readonly AddedTokenSpec[];
}

function byId(entries: Iterable<readonly [unknown, unknown]>): Map<number, AddedTokenSpec> {
  const found = new Map<number, AddedTokenSpec>();
  for (const [id, value] of entries) {
    const token = addedTokenOf(value);
    if (token !== null && Number.isInteger(Number(id))) found.set(Number(id), token);
  }
  return found;
}

/** `added_tokens` of a tokenizer.json. */
export function tokensInTokenizer(tokenizer: JsonObject): Map<number, AddedTokenSpec> {
  const list: unknown = tokenizer["added_tokens"];
  if (!Array.isArray(list)) return new Map();
  return byId(list.filter(isObject).map((entry) => [entry["id"], entry] as const));
}

/** As transformers refuses it. */
const notAToken = (folder: string, name: string): CoxswainError =>
  new CoxswainError("model", `${folder}: the tokenizer's "${name}" is neither text nor an AddedToken`, {
    hint: "Correct tokenizer_config.json (or special_tokens_map.json): a token is its text, or an object with `content`.",
  });

/** @throws CoxswainError "model" for a named token that is none */
export function resolveTokens(sources: SpecialTokenSources): ResolvedTokens {
  const { config, inFile } = sources;
  const decoder = config["added_tokens_decoder"];
  const map = isObject(decoder) ? {} : asSpecialTokens(sources.specialTokensMap);
  const settings = tokenSettings(config, map, sources.defaults);
  const listed = isObject(decoder)
    ? byId(Object.entries(decoder))
    : new Map([...tokensOfFile(sources.addedTokensFile, settings.namedBefore), ...inFile]);
  const named = Array.from(settings.named, ([name, value]) => ({ name, token: specialTokenOf(value), value }));
  for (const { name, token, value } of named) {
    if (token === null && (value ?? null) !== null && isStandardName.has(name)) throw notAToken(sources.folder, name);
  }
  const extra = settings.extra.map((value) => ({ token: specialTokenOf(value), value }));
  const known = new Set([...sources.inTokenizer, ...Array.from(listed.values(), ({ content }) => content)]);
  const names = new Set(named.map(({ token }) => token?.content));
  const unlisted = [...named, ...extra].filter(({ token }) => token !== null && !known.has(token.content));
  const toAdd = [...inOrderOfId(listed), ...withoutRepeats(unlisted)];
  return {
    named: Object.fromEntries(named.flatMap(({ name, token }) => (token === null ? [] : [[name, token.content]]))),
    extra: extra.flatMap(({ token }) => token?.content ?? []),
    toAdd: toAdd.map((token) => (names.has(token.content) ? asSpecial(token) : token)),
  };
}

/** special_tokens_map.json: its objects are special tokens, whatever they say. */
const asSpecialTokens = (map: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(map).map(([key, value]) => [
      key,
      isObject(value) && key !== "extra_special_tokens" ? { ...value, special: true } : value,
    ]),
  );

/** added_tokens.json: ids by text. */
function tokensOfFile(file: JsonObject, special: ReadonlySet<unknown>): Map<number, AddedTokenSpec> {
  const tokens = Object.entries(file).map(([content, id]): [number, AddedTokenSpec] => {
    const isSpecial = special.has(content);
    return [Number(id), { ...specialToken(content), special: isSpecial, normalized: !isSpecial }];
  });
  return new Map(tokens);
}

interface Named {
  readonly token: AddedTokenSpec | null;
  readonly value: unknown;
}

/** Python's list has a text, or an equal AddedToken, only once; of two with the same text the later one applies. */
function withoutRepeats(tokens: readonly Named[]): AddedTokenSpec[] {
  const seen = new Set<string>();
  return tokens.flatMap(({ token, value }) => {
    const key = JSON.stringify(typeof value === "string" ? value : token);
    if (token === null || seen.has(key)) return [];
    seen.add(key);
    return [token];
  });
}
