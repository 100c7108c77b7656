/**
 * A model's tokenizer: text to token ids with character offsets, and back, by Hugging Face's native `tokenizers`.
 * Equal to transformers' `AutoTokenizer`: tokenizer.json and tokenizer_config.json define it (`tokenizer/`), except that
 * truncation and padding settings are ignored. Does not know templates, formats or masks.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Encoding, Tokenizer } from "tokenizers";
import { CoxswainError, messageOf } from "../errors.js";
import { readTokenizerFiles, type SpecialTokens, type TokenizerFiles } from "./tokenizer-files.js";
import { cleanedUp } from "./tokenizer/clean-up.js";
import { isObject } from "./json-object.js";
import { defineTokenizer, type TokenizerDefinition } from "./tokenizer/definition.js";
import { NativeOffsets } from "./tokenizer/native-offsets.js";
import { openNative } from "./tokenizer/native-tokenizer.js";
import { Rehearsal } from "./tokenizer/rehearsal.js";
import { risksOf } from "./tokenizer/risks.js";
import type { TokenOffsets } from "./tokenizer/token-offsets.js";

export interface EncodeOptions {
  /**
   * Add the tokenizer's special tokens around the text (such as BOS). Default true; false for a rendered chat, which
   * has them.
   */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Omit tokens such as `<|im_end|>`. Default false. */
  readonly skipSpecialTokens?: boolean;
}

export interface EncodedText {
  /** [tokens] */
  readonly ids: Int32Array;
  /** Where the tokens are in the text. */
  offsets(): TokenOffsets;
}

export interface TextTokenizer {
  /** The model folder, absolute or as given. */
  readonly folder: string;
  /** The folder of the adapter whose files replace the model's, or null. */
  readonly adapter: string | null;
  /** Set if there is no tokenizer, only a vocabulary size: see `absent-tokenizer.ts`. */
  readonly absence?: CoxswainError;
  /** SHA-256 of the files that decide its tokens, chat templates apart. */
  fingerprint(): string;
  /** Entries of the vocabulary, added tokens included. */
  readonly vocabSize: number;
  /** The number of valid ids: config.json's `vocab_size`, or `vocabSize` if it is missing. */
  readonly modelVocabSize: number;
  readonly bosId: number | null;
  /** The token that ends a text. */
  readonly eosId: number | null;
  /** Its text. */
  readonly eosToken: string | null;
  /** All tokens that end generation, `eosId` first (generation_config.json may also list an end of turn). */
  readonly eosIds: readonly number[];
  /** The padding id: pad token, otherwise eos, otherwise 0. */
  readonly padId: number;
  /** By transformers' names, as passed to chat templates. */
  readonly specialTokens: SpecialTokens;
  /** Texts of all tokens marked special. */
  readonly controlTokens: ReadonlySet<string>;
  /** Their ids. */
  readonly controlIds: ReadonlySet<number>;
  /** The Jinja template of the adapter, otherwise of the model, or null. */
  readonly chatTemplate: string | null;
  /** The template for conversations with tools ("tool_use") if there is one, otherwise `chatTemplate`. */
  readonly toolChatTemplate: string | null;
  /** The folder of the templates, for messages. */
  readonly templateFolder: string;
  /** What the adapter replaces of the model. */
  readonly adapterOwn: AdapterOwn;
  /** How many tokens `addSpecialTokens` puts before and after a text. */
  readonly affixes: { readonly before: number; readonly after: number };
  encode(text: string, options?: EncodeOptions): Promise<EncodedText>;
  /** The same as `encode` on each, in parallel. */
  encodeBatch(texts: readonly string[], options?: EncodeOptions): Promise<EncodedText[]>;
  decode(ids: ArrayLike<number>, options?: DecodeOptions): Promise<string>;
  /** null if the vocabulary has no such token. */
  tokenToId(token: string): number | null;
  /** null if the id is unknown. */
  idToToken(id: number): string | null;
}

/** The files that an adapter brings in addition to its weights; all false without an adapter. */
export interface AdapterOwn {
  readonly template: boolean;
  /** Its chat template differs from the model's. */
  readonly otherTemplate: boolean;
  /** Its tokenizer.json differs from the model's. */
  readonly otherTokenizer: boolean;
}

class NativeEncoding implements EncodedText {
  readonly ids: Int32Array;
  readonly #text: string;
  readonly #encoding: Encoding;
  #offsets: TokenOffsets | undefined;

  constructor(text: string, encoding: Encoding) {
    this.ids = Int32Array.from(encoding.getIds());
    this.#text = text;
    this.#encoding = encoding;
  }

  offsets(): TokenOffsets {
    return (this.#offsets ??= new NativeOffsets(this.#text, this.#encoding));
  }
}

/** Such as an unknown token that the vocabulary lacks. */
const cannotEncode = (folder: string, error: unknown): CoxswainError =>
  new CoxswainError("model", `${folder}: the tokenizer can't encode text: ${messageOf(error)}`, {
    hint: "Check the tokens that tokenizer_config.json names against the vocabulary of tokenizer.json.",
    cause: error,
  });

const probe = "a";

/** The number of tokens that the post-processor adds around a text, measured on a non-empty one. */
async function probeAffixes(native: Tokenizer): Promise<{ before: number; after: number }> {
  const mask = (await native.encode(probe, null, { addSpecialTokens: true })).getSpecialTokensMask();
  const before = mask.findIndex((added) => added === 0);
  return before < 0 ? { before: 0, after: 0 } : { before, after: mask.length - 1 - mask.lastIndexOf(0) };
}

function fingerprintOf(files: TokenizerFiles): string {
  const { tokenizerJson, tokenizerConfig, specialTokensMap, addedTokensFile, config, bosIds, eosIds, padIds } = files;
  const others = [tokenizerConfig, specialTokensMap, addedTokensFile, config, bosIds, eosIds, padIds];
  return createHash("sha256").update(JSON.stringify(others)).update(tokenizerJson).digest("hex");
}

/**
 * Characters of one text. The library ends the process where a match takes more than ten million steps, and the patterns
 * of published models take up to two per character.
 */
const longestText = 2 ** 22;

function checkLength(text: string): void {
  if (text.length <= longestText) return;
  throw new CoxswainError(
    "data",
    `a text of ${text.length} characters, which begins with ${JSON.stringify(text.slice(0, 40))}, is longer than ${longestText}`,
    { hint: "Split it: what is beyond data.max_length is not trained on." },
  );
}

/** @returns the rehearsal of a tokenizer with a risk, which has been opened there; undefined without one */
async function rehearsalOf(folder: string, definition: TokenizerDefinition): Promise<Rehearsal | undefined> {
  let tokenizer: unknown;
  try {
    tokenizer = JSON.parse(definition.json);
  } catch {
    return undefined;
  }
  const risks = isObject(tokenizer) ? risksOf(tokenizer) : [];
  if (risks.length === 0) return undefined;
  const rehearsal = new Rehearsal(folder, definition, risks);
  await rehearsal.open();
  await rehearsal.encode([probe], true);
  return rehearsal;
}

export interface OpenTokenizerOptions {
  /** The folder of an adapter, whose files replace the model's. Default: none. */
  readonly adapter?: string | null;
}

/**
 * Opens the tokenizer of a Hugging Face model folder.
 * @throws CoxswainError "model" if tokenizer.json is missing or isn't a tokenizer, or a JSON file next to it is invalid
 */
export async function openTokenizer(
  folder: string,
  { adapter = null }: OpenTokenizerOptions = {},
): Promise<TextTokenizer> {
  const files = await readTokenizerFiles(folder, adapter);
  const definition = defineTokenizer(folder, files);
  const rehearsal = await rehearsalOf(folder, definition);
  const { encoder, decoder: native } = openNative(folder, definition);
  const { chatTemplates } = files;
  const { named: specialTokens } = definition;
  const idOf = (token: string | undefined): number | null => (token === undefined ? null : native.tokenToId(token));
  const eosId = idOf(specialTokens["eos_token"]) ?? files.eosIds[0] ?? null;
  const vocabSize = native.getVocabSize(true);
  const chatTemplate = chatTemplates.byName.get("default") ?? null;
  const toolChatTemplate = chatTemplates.byName.get("tool_use") ?? chatTemplate;
  const orCannotEncode = <T>(encoded: Promise<T>): Promise<T> =>
    encoded.catch((error: unknown) => {
      throw cannotEncode(folder, error);
    });
  const wrap = (text: string, encoding: Encoding): EncodedText => new NativeEncoding(text, encoding);
  const controlTokens = new Set([...definition.special, ...Object.values(specialTokens)]);
  return {
    folder,
    adapter,
    fingerprint: () => fingerprintOf(files),
    vocabSize,
    modelVocabSize: files.modelVocabSize ?? vocabSize,
    bosId: idOf(specialTokens["bos_token"]) ?? files.bosIds[0] ?? null,
    eosId,
    eosToken: eosId === null ? null : native.idToToken(eosId),
    eosIds: [...new Set([...(eosId === null ? [] : [eosId]), ...files.eosIds])],
    padId: idOf(specialTokens["pad_token"]) ?? files.padIds[0] ?? eosId ?? 0,
    specialTokens,
    controlTokens,
    controlIds: new Set([...controlTokens].flatMap((token) => native.tokenToId(token) ?? [])),
    chatTemplate,
    toolChatTemplate,
    templateFolder: chatTemplates.folder,
    adapterOwn: {
      template: chatTemplates !== files.modelTemplates,
      otherTemplate: !isDeepStrictEqual(chatTemplates.byName, files.modelTemplates.byName),
      otherTokenizer: files.otherTokenizer,
    },
    affixes: await orCannotEncode(probeAffixes(encoder)),
    encode: async (text, { addSpecialTokens = true } = {}) => {
      checkLength(text);
      await rehearsal?.encode([text], addSpecialTokens);
      return wrap(text, await orCannotEncode(encoder.encode(text, null, { addSpecialTokens })));
    },
    encodeBatch: async (texts, { addSpecialTokens = true } = {}) => {
      texts.forEach(checkLength);
      await rehearsal?.encode(texts, addSpecialTokens);
      const encodings = await orCannotEncode(encoder.encodeBatch([...texts], { addSpecialTokens }));
      return encodings.map((encoding, index) => wrap(texts[index] ?? "", encoding));
    },
    decode: async (ids, { skipSpecialTokens = false } = {}) => {
      await rehearsal?.decode(Array.from(ids), skipSpecialTokens);
      const text = await native.decode(Array.from(ids), skipSpecialTokens);
      return definition.cleanUpSpaces ? cleanedUp(text) : text;
    },
    tokenToId: (token) => native.tokenToId(token),
    idToToken: (id) => native.idToToken(id),
  };
}
