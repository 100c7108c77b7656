/**
 * What a model folder's files define, as transformers 5 reads them: the content of a tokenizer.json, and the tokens to
 * add to it. Pure; does not know the native tokenizer.
 */
import { isObject, type JsonObject } from "../json-object.js";
import type { SpecialTokens, TokenizerFiles } from "../tokenizer-files.js";
import { specialToken, type AddedTokenSpec } from "./added-token.js";
import { beginsWithBos, builtByClass, defaultTokens, hasPlainSpecialTokens } from "./class-pipelines.js";
import { resolveTokens, tokensInTokenizer } from "./special-tokens.js";
import { tokenizerClassOf, type TokenizerClass } from "./tokenizer-class.js";

export interface TokenizerDefinition {
  /** tokenizer.json, or what the tokenizer's class makes of it. */
  readonly json: string;
  /** To add to it, in order: new tokens, and other flags of those that it has. */
  readonly added: readonly AddedTokenSpec[];
  /** A token that the class puts before texts; null: what tokenizer.json's post-processor adds. */
  readonly before: string | null;
  /** Texts of all tokens that are special. */
  readonly special: ReadonlySet<string>;
  /** Named tokens, as chat templates get them. */
  readonly named: SpecialTokens;
  /** `split_special_tokens`: special tokens are not matched in texts. */
  readonly splitSpecialTokens: boolean;
  /** `clean_up_tokenization_spaces`, where it applies: decoding removes spaces before punctuation. */
  readonly cleanUpSpaces: boolean;
}

/**
 * @param config tokenizer_config.json
 * @param model config.json
 */
export function classOfFiles(tokenizerJson: string, config: JsonObject, model: JsonObject): TokenizerClass {
  const autoMap = config["auto_map"];
  return tokenizerClassOf({
    modelType: model["model_type"],
    tokenizerClass: config["tokenizer_class"],
    modelTokenizerClass: model["tokenizer_class"],
    ownCode: Array.isArray(autoMap) || (isObject(autoMap) && Boolean(autoMap["AutoTokenizer"])),
    byteLevel: tokenizerJson.includes('"ByteLevel"'),
  });
}

/** @param folder for messages */
export function defineTokenizer(folder: string, files: TokenizerFiles): TokenizerDefinition {
  const { tokenizer, tokenizerConfig: config } = files;
  const className = classOfFiles(files.tokenizerJson, config, files.config);
  const isBuilt = className !== "TokenizersBackend";
  const inFile = tokensInTokenizer(tokenizer);
  const { named, extra, toAdd } = resolveTokens({
    folder,
    config,
    specialTokensMap: files.specialTokensMap,
    addedTokensFile: files.addedTokensFile,
    inFile,
    inTokenizer: isBuilt ? new Set() : new Set(Array.from(inFile.values(), ({ content }) => content)),
    defaults: defaultTokens(className),
  });
  const plain = hasPlainSpecialTokens(className) ? [...Object.values(named), ...extra] : [];
  const added = [...toAdd, ...plain.map(specialToken)];
  const all = isBuilt ? added : [...inFile.values(), ...added];
  return {
    json: isBuilt
      ? JSON.stringify(builtByClass(className, tokenizer, config, named["unk_token"] ?? null))
      : files.tokenizerJson,
    added,
    before: beginsWithBos(className) ? (named["bos_token"] ?? null) : null,
    special: new Set(all.filter(({ special }) => special).map(({ content }) => content)),
    named,
    splitSpecialTokens: config["split_special_tokens"] === true,
    cleanUpSpaces: cleansUp(config, tokenizer, isBuilt),
  };
}

/** BPE's spaces are not the tokenizer's: only with a second key. */
function cleansUp(config: JsonObject, tokenizer: JsonObject, isBuilt: boolean): boolean {
  if (config["clean_up_tokenization_spaces"] !== true) return false;
  const model = tokenizer["model"];
  const isBpe = isBuilt || (isObject(model) && (model["type"] === "BPE" || "merges" in model));
  return !isBpe || config["clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"] === true;
}
