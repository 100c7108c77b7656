/**
 * What a data set holds, counted from what became of each line: per source and in all. Pure; `coxswain data` prints it.
 */
import { Int32Buffer } from "../int32-buffer.js";
import type { DataSelection } from "../sources/index.js";
import type { TokenisedLine, TokenObserver } from "../token-store-options.js";
import { ContentSet } from "./content-set.js";
import { lengthStatistics, type LengthStatistics } from "./lengths.js";

/** How many there are, and where the first one is: "train.jsonl:7". */
export interface Occurrences {
  readonly count: number;
  readonly first: string | null;
}

/** Counts of a source, or of all. Those of examples and tokens include what a weight repeats. */
export interface SummaryCounts {
  /** Lines that were read and not skipped, each once. */
  readonly lines: number;
  readonly examples: number;
  /** After truncation. */
  readonly tokens: number;
  /** Tokens that the loss is a sum over. */
  readonly supervisedTokens: number;
  /** Examples that `max_length` cut. */
  readonly truncated: number;
  /** Examples that were dropped, since no supervised token was left of them. */
  readonly dropped: number;
  /** Lines that were skipped as bad examples. */
  readonly skipped: number;
  /** Lines that are the same as an earlier one, also one of an earlier source. */
  readonly duplicates: Occurrences;
  /** Lines of evaluation data that are also training data. */
  readonly inTraining: Occurrences;
  /** Examples with an answer that is nothing but its end. */
  readonly emptyAnswers: Occurrences;
  /** Conversations that became several examples. */
  readonly split: { readonly conversations: number; readonly examples: number; readonly extraTokens: number };
  /** The longest example before truncation; null: there are no examples. */
  readonly longest: { readonly tokens: number; readonly where: string } | null;
}

export interface SourceSummary extends SummaryCounts {
  /** As in the run file. */
  readonly name: string;
}

export interface DataSummary extends SummaryCounts {
  readonly lengths: LengthStatistics;
  readonly sources: readonly SourceSummary[];
}

class Counter {
  count = 0;
  first: string | null = null;

  add(where: string): void {
    this.count++;
    this.first ??= where;
  }

  finish(): Occurrences {
    return { count: this.count, first: this.first };
  }
}

class Tally {
  skipped = 0;
  readonly duplicates = new Counter();
  readonly inTraining = new Counter();
  readonly #counts = { lines: 0, examples: 0, tokens: 0, supervisedTokens: 0, truncated: 0, dropped: 0 };
  readonly #emptyAnswers = new Counter();
  readonly #split = { conversations: 0, examples: 0, extraTokens: 0 };
  #longest: { readonly tokens: number; readonly where: string } | null = null;

  add({ where, isRepeated, hasEmptyAnswer, examples }: TokenisedLine, maxLength: number): void {
    const counts = this.#counts;
    if (!isRepeated) counts.lines++;
    if (hasEmptyAnswer) this.#emptyAnswers.add(where);
    for (const example of examples) {
      counts.examples++;
      counts.tokens += example.tokens;
      counts.supervisedTokens += example.supervised;
      if (example.length > maxLength) counts.truncated++;
      if (example.tokens === 0) counts.dropped++;
      if (example.length > (this.#longest?.tokens ?? 0))
        this.#longest = { tokens: example.length, where: example.where };
    }
    if (examples.length === 1) return;
    const cut = examples.map(({ length }) => Math.min(length, maxLength));
    this.#split.conversations++;
    this.#split.examples += examples.length;
    this.#split.extraTokens += cut.reduce((sum, length) => sum + length, 0) - Math.max(...cut);
  }

  finish(): SummaryCounts {
    return {
      ...this.#counts,
      skipped: this.skipped,
      duplicates: this.duplicates.finish(),
      inTraining: this.inTraining.finish(),
      emptyAnswers: this.#emptyAnswers.finish(),
      split: { ...this.#split },
      longest: this.#longest,
    };
  }
}

/** Observes one token store being built. */
export class DataSummariser implements TokenObserver {
  /** Contents of its lines. */
  readonly contents = new ContentSet();
  readonly #training: ContentSet | undefined;
  readonly #maxLength: number;
  readonly #lengths = new Int32Buffer();
  readonly #all = new Tally();
  readonly #sources: readonly { readonly name: string; readonly tally: Tally }[];

  /** @param training contents of the training data, if this is evaluation data */
  constructor({ sources }: DataSelection, maxLength: number, training?: ContentSet) {
    this.#training = training;
    this.#maxLength = maxLength;
    this.#sources = sources.map(({ name }) => ({ name, tally: new Tally() }));
  }

  readonly onLine = (line: TokenisedLine): void => {
    const { where, source, contentNumber, isRepeated, examples } = line;
    const isDuplicate = !isRepeated && !this.contents.add(contentNumber);
    const isTrained = this.#training?.has(contentNumber) === true;
    for (const tally of this.#talliesOf(source)) {
      tally.add(line, this.#maxLength);
      if (isDuplicate) tally.duplicates.add(where);
      if (isTrained) tally.inTraining.add(where);
    }
    for (const { length } of examples) this.#lengths.push(length);
  };

  readonly onSkipped = (source: number): void => {
    for (const tally of this.#talliesOf(source)) tally.skipped++;
  };

  /** Called when at least one line was tokenised. */
  finish(): DataSummary {
    return {
      ...this.#all.finish(),
      lengths: lengthStatistics(this.#lengths.finish()),
      sources: this.#sources.map(({ name, tally }) => ({ name, ...tally.finish() })),
    };
  }

  #talliesOf(source: number): readonly Tally[] {
    const own = this.#sources[source]?.tally;
    return own === undefined ? [this.#all] : [this.#all, own];
  }
}
