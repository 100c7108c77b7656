/**
 * Which of its tokenizer classes transformers 5 uses for a model folder, as `AutoTokenizer.from_pretrained` decides it.
 * Most classes use tokenizer.json as it is; those in `class-pipelines.ts` take only its vocabulary.
 */

/** The classes with a pipeline of their own that models of the supported families name. */
export type TokenizerClass =
  | "TokenizersBackend"
  | "LlamaTokenizer"
  | "CodeLlamaTokenizer"
  | "GemmaTokenizer"
  | "Qwen2Tokenizer"
  | "GPT2Tokenizer"
  | "GPTNeoXTokenizer";

export interface ClassSources {
  /** `model_type` of config.json. */
  readonly modelType: unknown;
  /** `tokenizer_class` of tokenizer_config.json. */
  readonly tokenizerClass: unknown;
  /** `tokenizer_class` of config.json. */
  readonly modelTokenizerClass: unknown;
  /** Whether tokenizer_config.json names Python code of the model's own for its tokenizer (`auto_map`). */
  readonly ownCode: boolean;
  /** Whether tokenizer.json names "ByteLevel" anywhere. */
  readonly byteLevel: boolean;
}

/** `TOKENIZER_MAPPING_NAMES`, for the supported families; it has no entry for "llama". */
const registered: ReadonlyMap<string, TokenizerClass> = new Map([
  ["gemma2", "GemmaTokenizer"],
  ["gemma3_text", "GemmaTokenizer"],
  ["gpt2", "GPT2Tokenizer"],
  ["mistral", "TokenizersBackend"],
  ["phi3", "TokenizersBackend"],
  ["qwen2", "Qwen2Tokenizer"],
  ["qwen3", "Qwen2Tokenizer"],
]);

/** `MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS`: what their files name is not used. */
const wrongInFiles: ReadonlySet<string> = new Set(["phi3", "qwen2"]);

const known: ReadonlySet<string> = new Set<TokenizerClass>([
  "LlamaTokenizer",
  "CodeLlamaTokenizer",
  "GemmaTokenizer",
  "Qwen2Tokenizer",
  "GPT2Tokenizer",
  "GPTNeoXTokenizer",
]);

const isKnown = (name: string): name is TokenizerClass => known.has(name);

const textOrNull = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

export function tokenizerClassOf(sources: ClassSources): TokenizerClass {
  const type = textOrNull(sources.modelType) ?? "";
  const named = textOrNull(sources.tokenizerClass) ?? textOrNull(sources.modelTokenizerClass);
  const declared = named === null ? null : named.replace(/Fast$/, "");
  const forType = registered.get(type) ?? null;
  if (declared === null) return forType ?? "TokenizersBackend";
  if (!sources.ownCode) {
    // Llama 3's kind: named LlamaTokenizer, but not of Llama 2's kind.
    const isLlama3 = declared === "LlamaTokenizer" && sources.byteLevel && !wrongInFiles.has(type);
    if (isLlama3) return "TokenizersBackend";
    if (forType !== null && forType !== declared) {
      if (forType === "TokenizersBackend" || wrongInFiles.has(type)) return forType;
    }
  }
  return isKnown(declared) ? declared : "TokenizersBackend";
}
