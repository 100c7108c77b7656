/**
 * Encodes examples as token ids and labels, in batches, and determines which tokens are supervised. Does not know rows
 * or maximum lengths.
 */
import { tokenizeAnswer } from "./continuation.js";
import { encodeChats } from "./encode-chats.js";
import type { Encoder, EncoderOptions, LabelledTokens, Located } from "./encoding.js";
import { isEmptyAnswer } from "./thoughts.js";
import type { CompletionExample, Example, TextExample } from "./formats/index.js";
import { labelsFrom } from "./masks.js";

/** Appends an eos, unless the text ends with one or the tokenizer adds one. */
function withEos(text: string, where: string, { tokenizer, onMissingEos }: EncoderOptions): string {
  const { eosToken, affixes } = tokenizer;
  if (affixes.after > 0) return text;
  if (eosToken === null) onMissingEos?.(where);
  return eosToken === null || text.endsWith(eosToken) ? text : text + eosToken;
}

async function encodeTexts(texts: readonly Located<TextExample>[], options: EncoderOptions): Promise<LabelledTokens[]> {
  const { tokenizer } = options;
  const encoded = await tokenizer.encodeBatch(texts.map(({ example, where }) => withEos(example.text, where, options)));
  return encoded.map(({ ids }) => ({ ids, labels: ids }));
}

const startsWith = (ids: Int32Array, prefix: Int32Array): boolean =>
  prefix.length <= ids.length && prefix.every((id, index) => ids[index] === id);

/**
 * As in TRL: the prompt's tokens, then the remaining tokens of the whole text. If a token of the whole text crosses the
 * boundary, prompt and completion are tokenised separately, so that the model learns from exactly the prompt that it
 * will be given.
 */
async function encodeCompletions(
  examples: readonly Located<CompletionExample>[],
  options: EncoderOptions,
): Promise<LabelledTokens[]> {
  const { tokenizer, completionOnlyLoss, onSplitBoundary } = options;
  const completions = examples.map(({ example, where }) => withEos(example.completion, where, options));
  for (const { example, where } of examples) {
    if (isEmptyAnswer(example.completion)) options.onIgnored?.({ kind: "empty_answer", detail: null }, where);
  }
  const prompts = await tokenizer.encodeBatch(examples.map(({ example }) => example.prompt));
  const wholes = await tokenizer.encodeBatch(examples.map(({ example }, n) => example.prompt + (completions[n] ?? "")));
  return Promise.all(
    wholes.map(async ({ ids: whole }, index): Promise<LabelledTokens> => {
      const all = prompts[index]?.ids ?? new Int32Array();
      // Without the tokens that the tokenizer appends: the text continues.
      const prompt = all.subarray(0, all.length - tokenizer.affixes.after);
      const label = (ids: Int32Array): LabelledTokens => ({
        ids,
        labels: completionOnlyLoss ? labelsFrom(ids, prompt.length) : ids,
      });
      if (startsWith(whole, prompt)) return label(whole);
      onSplitBoundary?.(examples[index]?.where ?? "");
      const answer = completions[index] ?? "";
      const rest = await tokenizeAnswer(
        prompt,
        { text: (examples[index]?.example.prompt ?? "") + answer, answer },
        tokenizer,
      );
      const after = whole.subarray(whole.length - tokenizer.affixes.after);
      return label(Int32Array.from([...prompt, ...rest.ids, ...after]));
    }),
  );
}

/** Creates an encoder; results are in the order of the examples. */
export function createEncoder(options: EncoderOptions): Encoder {
  return async (examples) => {
    const results = examples.map(({ example }): readonly LabelledTokens[] =>
      example.kind === "tokens" ? [{ ids: example.inputIds, labels: example.labels }] : [],
    );
    const encode = async <Kind extends Example["kind"]>(
      kind: Kind,
      encodeAll: (
        part: readonly Located<ExampleOf<Kind>>[],
        options: EncoderOptions,
      ) => Promise<(LabelledTokens | readonly LabelledTokens[])[]>,
    ): Promise<void> => {
      const part = examples.flatMap(({ example, where }, index) =>
        isKind(example, kind) ? [{ example, where, index }] : [],
      );
      if (part.length === 0) return;
      const encoded = await encodeAll(part, options);
      part.forEach(({ index }, n) => (results[index] = [encoded[n] ?? []].flat()));
    };
    await encode("chat", encodeChats);
    await encode("text", encodeTexts);
    await encode("completion", encodeCompletions);
    return results;
  };
}

type ExampleOf<Kind extends Example["kind"]> = Extract<Example, { readonly kind: Kind }>;

const isKind = <Kind extends Example["kind"]>(example: Example, kind: Kind): example is ExampleOf<Kind> =>
  example.kind === kind;
