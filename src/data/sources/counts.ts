/** How much each of several sources contributes to a data set. Pure. */
import type { DataSelection } from "./selection.js";

/** What a source contributes, with the examples that its weight repeats. */
export interface SourceStatistics {
  /** As in the run file. */
  readonly name: string;
  readonly examples: number;
  readonly tokens: number;
  readonly supervisedTokens: number;
}

/** Of everything read so far. */
export interface Totals {
  readonly examples: number;
  readonly tokens: number;
  readonly supervisedTokens: number;
}

const none: Totals = { examples: 0, tokens: 0, supervisedTokens: 0 };

export class SourceCounts {
  readonly #names: readonly string[];
  readonly #counts: Totals[];
  #before = none;

  constructor({ sources }: DataSelection) {
    this.#names = sources.map(({ name }) => name);
    this.#counts = sources.map(() => none);
  }

  /** What the totals have grown by is of this source. */
  add(source: number, totals: Totals): void {
    const { examples, tokens, supervisedTokens } = this.#counts[source] ?? none;
    this.#counts[source] = {
      examples: examples + totals.examples - this.#before.examples,
      tokens: tokens + totals.tokens - this.#before.tokens,
      supervisedTokens: supervisedTokens + totals.supervisedTokens - this.#before.supervisedTokens,
    };
    this.#before = totals;
  }

  /** Undefined for a single source: its counts are those of the data set. */
  finish(): readonly SourceStatistics[] | undefined {
    if (this.#names.length < 2) return undefined;
    return this.#names.map((name, source) => ({ name, ...(this.#counts[source] ?? none) }));
  }
}

const number = (value: number): string => value.toLocaleString("en-GB");

/** A line for each source, for people: "chats.jsonl: 100 examples, 2,000 tokens, 500 supervised". */
export function sourceLines(sources: readonly SourceStatistics[]): readonly string[] {
  const folder = commonFolder(sources.map(({ name }) => name));
  return sources.map(
    ({ name, examples, tokens, supervisedTokens }) =>
      `${name.slice(folder.length)}: ${number(examples)} ${examples === 1 ? "example" : "examples"}, ` +
      `${number(tokens)} tokens, ${number(supervisedTokens)} supervised`,
  );
}

/** The folder that all paths begin with; empty if that is none or the root. */
function commonFolder(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let length = first.lastIndexOf("/") + 1;
  while (length > 0 && !others.every((name) => name.startsWith(first.slice(0, length))))
    length = first.lastIndexOf("/", length - 2) + 1;
  return length <= 1 ? "" : first.slice(0, length);
}
