/** Tokenises lines, in this thread or in several others. */
import type { TextTokenizer } from "../tokenizer.js";
import type { LineTokeniser, TokeniseSettings } from "./line.js";
import { startTokeniserThreads } from "./threads.js";
import { openLineTokeniser } from "./tokenise-lines.js";

export type { Findings, WarningKind } from "./findings.js";
export type { LineTokeniser, ReadLine, RefusedLine, TokenisedLine, TokenisedLines, TokeniseSettings } from "./line.js";

export interface TokeniserOptions {
  readonly tokenizer: TextTokenizer;
  readonly settings: TokeniseSettings;
  /** Threads beside this one; 0: in this one. */
  readonly threads: number;
}

export interface Tokeniser {
  readonly tokenise: LineTokeniser;
  /** Batches to give it at the same time: while one is tokenised, another one is rendered. */
  readonly concurrency: number;
}

export async function withLineTokeniser<Result>(
  { tokenizer, settings, threads: count }: TokeniserOptions,
  use: (tokeniser: Tokeniser) => Promise<Result>,
): Promise<Result> {
  if (count === 0) return use({ tokenise: await openLineTokeniser(tokenizer, settings), concurrency: 2 });
  const { folder, adapter } = tokenizer;
  const threads = startTokeniserThreads(count, { ...settings, folder, adapter });
  try {
    return await use({ tokenise: threads.tokenise, concurrency: 2 * count + 1 });
  } finally {
    await threads.close();
  }
}
