/**
 * Tokenizer classes of transformers 5 that take only vocabulary, merges and post-processor from tokenizer.json, and
 * build the rest themselves: normaliser, pre-tokenizer, decoder, and the settings of the model (`__init__` of
 * `models/<name>/tokenization_<name>.py`). Pure: from tokenizer.json's content to that of an equal one.
 */
import { isObject, type JsonObject } from "../json-object.js";
import type { SpecialTokens } from "../tokenizer-files.js";
import type { TokenizerClass } from "./tokenizer-class.js";

/** A class with its own pipeline. */
export type BuildingClass = Exclude<TokenizerClass, "TokenizersBackend">;

interface Pipeline {
  readonly normalizer: JsonObject | null;
  readonly pre_tokenizer: JsonObject;
  readonly decoder: JsonObject;
  /** Settings of the BPE model, other than its vocabulary. */
  readonly model: JsonObject;
}

interface BuildingClassInfo {
  /** Named tokens where the files have none. */
  readonly defaults: SpecialTokens;
  readonly pipeline: (config: JsonObject, unkToken: string | null) => Pipeline;
  /** Whether the post-processor of tokenizer.json is replaced by one that adds nothing, or only `bos_token`. */
  readonly postProcessor?: "none" | "bos";
  /** Whether all special tokens lose their flags. */
  readonly plainSpecialTokens?: boolean;
}

const byteFallbackModel = (unkToken: string | null): JsonObject => ({
  unk_token: unkToken,
  fuse_unk: true,
  byte_fallback: true,
});
const byteLevelModel: JsonObject = { continuing_subword_prefix: "", end_of_word_suffix: "" };

const byteLevel = (addPrefixSpace: boolean, useRegex = true): JsonObject => ({
  type: "ByteLevel",
  add_prefix_space: addPrefixSpace,
  trim_offsets: true,
  use_regex: useRegex,
});

const spacesAndBytes: readonly JsonObject[] = [
  { type: "Replace", pattern: { String: "▁" }, content: " " },
  { type: "ByteFallback" },
  { type: "Fuse" },
];
const firstSpaceRemoved: JsonObject = { type: "Strip", content: " ", start: 1, stop: 0 };
const sequence = (decoders: readonly JsonObject[]): JsonObject => ({ type: "Sequence", decoders });

const metaspace = (scheme: "first" | "always" | "never"): JsonObject => ({
  type: "Metaspace",
  replacement: "▁",
  prepend_scheme: scheme,
  split: false,
});

/** null and absent take the default. */
const flag = (config: JsonObject, key: string, otherwise: boolean): boolean => {
  const value = config[key];
  return value === undefined || value === null ? otherwise : Boolean(value);
};

function llama(config: JsonObject): Pipeline {
  const prefix = flag(config, "add_prefix_space", true);
  // `legacy`: a space is put before the text after every special token, otherwise only before the first.
  const scheme = !prefix ? "never" : flag(config, "legacy", false) ? "always" : "first";
  return {
    normalizer: null,
    pre_tokenizer: metaspace(scheme),
    decoder: sequence(prefix ? [...spacesAndBytes, firstSpaceRemoved] : spacesAndBytes),
    model: byteFallbackModel(null),
  };
}

function codeLlama(config: JsonObject, unkToken: string | null): Pipeline {
  return {
    normalizer: null,
    pre_tokenizer: metaspace(flag(config, "add_prefix_space", true) ? "first" : "never"),
    decoder: sequence([...spacesAndBytes, firstSpaceRemoved]),
    model: byteFallbackModel(unkToken),
  };
}

function gemma(_: JsonObject, unkToken: string | null): Pipeline {
  return {
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    decoder: sequence(spacesAndBytes),
    model: byteFallbackModel(unkToken),
  };
}

const qwenWords =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" +
  "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

function qwen2(config: JsonObject): Pipeline {
  const words = { type: "Split", pattern: { Regex: qwenWords }, behavior: "Isolated", invert: false };
  return {
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [words, byteLevel(flag(config, "add_prefix_space", false), false)],
    },
    decoder: byteLevel(true),
    model: byteLevelModel,
  };
}

const gpt2 = (config: JsonObject): Pipeline => ({
  normalizer: null,
  pre_tokenizer: byteLevel(flag(config, "add_prefix_space", false)),
  decoder: byteLevel(true),
  model: byteLevelModel,
});

const gptNeoX = (config: JsonObject): Pipeline => ({
  ...gpt2(config),
  normalizer: { type: "NFC" },
  pre_tokenizer: {
    ...byteLevel(flag(config, "add_prefix_space", false)),
    trim_offsets: flag(config, "trim_offsets", true),
  },
});

const endOfText = "<|endoftext|>";
const llamaTokens: SpecialTokens = { unk_token: "<unk>", bos_token: "<s>", eos_token: "</s>" };
const fillTokens: SpecialTokens = {
  prefix_token: "▁<PRE>",
  middle_token: "▁<MID>",
  suffix_token: "▁<SUF>",
  eot_token: "▁<EOT>",
  fill_token: "<FILL_ME>",
};

const classes: Readonly<Record<BuildingClass, BuildingClassInfo>> = {
  LlamaTokenizer: { defaults: llamaTokens, pipeline: llama },
  CodeLlamaTokenizer: { defaults: { ...llamaTokens, ...fillTokens }, pipeline: codeLlama, postProcessor: "bos" },
  GemmaTokenizer: {
    defaults: {
      unk_token: "<unk>",
      bos_token: "<bos>",
      eos_token: "<eos>",
      pad_token: "<pad>",
      mask_token: "<mask>",
    },
    pipeline: gemma,
  },
  Qwen2Tokenizer: {
    defaults: { unk_token: endOfText, eos_token: endOfText, pad_token: endOfText },
    pipeline: qwen2,
    plainSpecialTokens: true,
  },
  GPT2Tokenizer: { defaults: { unk_token: endOfText, bos_token: endOfText, eos_token: endOfText }, pipeline: gpt2 },
  GPTNeoXTokenizer: {
    defaults: { unk_token: endOfText, bos_token: endOfText, eos_token: endOfText, pad_token: "<|padding|>" },
    pipeline: gptNeoX,
    postProcessor: "none",
  },
};

export const defaultTokens = (name: TokenizerClass): SpecialTokens =>
  name === "TokenizersBackend" ? {} : classes[name].defaults;

export const hasPlainSpecialTokens = (name: TokenizerClass): boolean =>
  name !== "TokenizersBackend" && classes[name].plainSpecialTokens === true;

/** `vocab` as a map from text to id: Unigram's is a list of pairs. */
function vocabularyOf(model: JsonObject): JsonObject {
  const vocab = model["vocab"];
  if (!Array.isArray(vocab)) return isObject(vocab) ? vocab : {};
  const texts = vocab.map((entry: unknown): unknown => (Array.isArray(entry) ? entry[0] : entry));
  return Object.fromEntries(texts.map((text, id) => [String(text), id]));
}

/** Whether the class puts `bos_token` before texts, instead of what tokenizer.json's post-processor does. */
export const beginsWithBos = (name: TokenizerClass): boolean =>
  name !== "TokenizersBackend" && classes[name].postProcessor === "bos";

/** The content of a tokenizer.json that does what the class does; without added tokens. */
export function builtByClass(
  name: BuildingClass,
  tokenizer: JsonObject,
  config: JsonObject,
  unkToken: string | null,
): JsonObject {
  const { pipeline, postProcessor } = classes[name];
  const { model: settings, ...steps } = pipeline(config, unkToken);
  const model = isObject(tokenizer["model"]) ? tokenizer["model"] : {};
  return {
    ...tokenizer,
    ...steps,
    added_tokens: [],
    post_processor: postProcessor === undefined ? (tokenizer["post_processor"] ?? null) : null,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      ...settings,
      vocab: vocabularyOf(model),
      merges: Array.isArray(model["merges"]) ? model["merges"] : [],
    },
  };
}
