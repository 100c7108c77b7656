/** Collects the tokens of examples, cut to the maximum length, and counts them. Does not know where they are kept. */
import { CoxswainError } from "../errors.js";
import type { LabelledTokens } from "./encoding.js";
import { supervisedTokens } from "./row.js";
import type { TokenisedExample } from "./token-store-options.js";
import type { TextTokenizer } from "./tokenizer.js";
import type { WarningTally } from "./warning-tally.js";

/** Where tokens go, example by example. */
export interface TokenSink {
  append(ids: Int32Array, labels: Int32Array): void;
}

/** Collects tokenised examples: truncates them, and keeps those with supervised tokens. */
export class Collector {
  readonly #sink: TokenSink;
  readonly #maxLength: number;
  readonly #tokenizer: TextTokenizer;
  readonly #warnings: WarningTally;
  /** Lines read. */
  records = 0;
  examples = 0;
  tokens = 0;
  supervised = 0;
  truncated = 0;
  dropped = 0;
  /** Of conversations that became several examples. */
  readonly split = { conversations: 0, examples: 0, extraTokens: 0 };

  constructor(sink: TokenSink, maxLength: number, tokenizer: TextTokenizer, warnings: WarningTally) {
    this.#sink = sink;
    this.#maxLength = maxLength;
    this.#tokenizer = tokenizer;
    this.#warnings = warnings;
  }

  get totals(): { examples: number; tokens: number; supervisedTokens: number } {
    return { examples: this.examples, tokens: this.tokens, supervisedTokens: this.supervised };
  }

  /**
   * Adds what a line became: one example, or one for each part of a conversation.
   * @returns what was kept of each
   * @throws CoxswainError "data" if it is a bad example, of which nothing is added
   */
  add(parts: readonly LabelledTokens[], where: string): readonly TokenisedExample[] {
    this.check(parts, where);
    this.records++;
    const added = parts.map((tokens) => this.#add(tokens, nameOf(tokens, where)));
    if (parts.length === 1) return added;
    const lengths = parts.map(({ ids }) => Math.min(ids.length, this.#maxLength));
    this.split.conversations++;
    this.split.examples += parts.length;
    this.split.extraTokens += lengths.reduce((sum, length) => sum + length, 0) - Math.max(...lengths);
    return added;
  }

  /** @throws CoxswainError "data" if a line became a bad example */
  check(parts: readonly LabelledTokens[], where: string): void {
    for (const tokens of parts) {
      const name = nameOf(tokens, where);
      this.#checkVocabulary(tokens.ids, name);
      if (countSupervised(tokens) === 0) throw nothingSupervised(name);
    }
  }

  #add(tokens: LabelledTokens, where: string): TokenisedExample {
    this.examples++;
    const { length } = tokens.ids;
    const kept = this.#cut(tokens, where);
    const supervised = countSupervised(kept);
    if (supervised === 0) {
      this.dropped++;
      this.#warnings.count("dropped", where);
      return { where, length, tokens: 0, supervised };
    }
    this.supervised += supervised;
    this.tokens += kept.ids.length;
    this.#sink.append(kept.ids, kept.labels);
    return { where, length, tokens: kept.ids.length, supervised };
  }

  #cut(tokens: LabelledTokens, where: string): LabelledTokens {
    if (tokens.ids.length <= this.#maxLength) return tokens;
    this.truncated++;
    this.#warnings.count("truncated", where);
    return { ids: tokens.ids.subarray(0, this.#maxLength), labels: tokens.labels.subarray(0, this.#maxLength) };
  }

  #checkVocabulary(ids: Int32Array, where: string): void {
    const { modelVocabSize } = this.#tokenizer;
    const stranger = ids.find((id) => id >= modelVocabSize);
    if (stranger === undefined) return;
    const token = JSON.stringify(this.#tokenizer.idToToken(stranger));
    throw new CoxswainError(
      "data",
      `${where}: token ${stranger} (${token}) is not in the model's vocabulary of ${modelVocabSize}`,
      {
        hint: "The tokenizer has tokens that the model does not know: use the tokenizer that came with the model.",
      },
    );
  }
}

const nameOf = ({ part }: LabelledTokens, where: string): string => (part === undefined ? where : `${where}, ${part}`);

const countSupervised = ({ ids, labels }: LabelledTokens): number =>
  supervisedTokens({ inputIds: ids, labels, segments: [ids.length] });

const nothingSupervised = (where: string): CoxswainError =>
  new CoxswainError("data", `${where}: this example has no supervised token, so there is nothing to learn from it`, {
    hint:
      "A conversation needs an assistant message, a completion some text, and `labels` a value other than -100. The first " +
      "token of an example is never predicted. Correct or remove the line.",
  });
