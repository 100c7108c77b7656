/**
 * What tokenizer_config.json, special_tokens_map.json and the tokenizer's class say of special tokens, merged in the
 * order of precedence of transformers 5 (`PreTrainedTokenizerBase._from_pretrained` and its `__init__`).
 */
import { isObject, type JsonObject } from "../json-object.js";
import type { SpecialTokens } from "../tokenizer-files.js";

export interface TokenSettings {
  /** In the order in which new tokens get their ids. Values as in the files: text, an AddedToken, or anything else. */
  readonly named: ReadonlyMap<string, unknown>;
  /** Special tokens without a name. */
  readonly extra: readonly unknown[];
  /** Texts of special tokens that are known when added_tokens.json is read. */
  readonly namedBefore: ReadonlySet<unknown>;
}

/** The named special tokens that every model may have; models add their own, such as `image_token`. */
const standardNames = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
export const isStandardName: ReadonlySet<string> = new Set(standardNames);

/** Other keys that name a token; `add_bos_token` and the like are booleans. */
const isOwnName = (key: string): boolean => key.endsWith("_token") && !isStandardName.has(key);

const isFilledObject = (value: unknown): value is JsonObject => isObject(value) && Object.keys(value).length > 0;
const isFilled = (value: unknown): boolean => (Array.isArray(value) && value.length > 0) || isFilledObject(value);

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

interface Extra {
  /** undefined if no key lists them. */
  readonly list: unknown;
  /** Objects of named tokens. */
  readonly objects: readonly JsonObject[];
}

/** `extra_special_tokens`, and its former name `additional_special_tokens`. */
function extraOf(config: JsonObject, map: JsonObject): Extra {
  const isFormer = !isFilled(config["extra_special_tokens"]) && "additional_special_tokens" in config;
  const ofConfig = config[isFormer ? "additional_special_tokens" : "extra_special_tokens"];
  const ofMap = map["extra_special_tokens"];
  const objects = [ofConfig, ofMap].filter(isFilledObject);
  if (Array.isArray(ofMap)) return { list: [...listOf(ofConfig), ...listOf(ofMap)], objects };
  if (ofConfig !== undefined && !isFilledObject(ofConfig)) return { list: ofConfig, objects };
  const former = map["additional_special_tokens"] ?? (isFormer ? undefined : config["additional_special_tokens"]);
  return isFilledObject(former) ? { list: undefined, objects: [...objects, former] } : { list: former, objects };
}

/**
 * @param map special_tokens_map.json, or nothing if it is not read
 * @param defaults named tokens of the tokenizer's class
 */
export function tokenSettings(config: JsonObject, map: JsonObject, defaults: SpecialTokens): TokenSettings {
  const all: JsonObject = { ...defaults, ...config, ...map };
  const { list, objects } = extraOf(config, map);
  const own = Object.keys(all).filter(isOwnName);
  // Texts of tokenizer_config.json come after AddedTokens, and after the class's.
  const isLate = (key: string): boolean => typeof config[key] === "string" && !(key in map) && !(key in defaults);
  const names = [...standardNames, ...own.filter((key) => !isLate(key)), ...own.filter(isLate)];
  const named = new Map(names.map((name) => [name, all[name]]));
  for (const object of objects) for (const [name, value] of Object.entries(object)) named.set(name, value);
  const extra = listOf(list);
  return { named, extra, namedBefore: new Set(textsBefore(config, map, extra)) };
}

function textsBefore(config: JsonObject, map: JsonObject, extra: readonly unknown[]): unknown[] {
  const named = standardNames.map((name) => {
    const ofMap = map[name];
    return isObject(ofMap) ? ofMap["content"] : (ofMap ?? config[name]);
  });
  const isListed = config["extra_special_tokens"] !== undefined || "additional_special_tokens" in config;
  return [...named, ...(isListed || "extra_special_tokens" in map ? extra : [])];
}
