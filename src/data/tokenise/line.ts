/** What goes into the tokenising of lines, and what comes out. Plain data: lines are tokenised in other threads too. */
import type { CoxswainError } from "../../errors.js";
import type { LabelledTokens } from "../encoding.js";
import type { DataFormat } from "../formats/index.js";
import type { DataRecord } from "../sources/index.js";
import type { Findings } from "./findings.js";

/** A line as it was read, with the format of its source. */
export interface ReadLine extends Pick<DataRecord, "value" | "where" | "repeatedKey"> {
  readonly format: DataFormat;
}

export interface TokenisedLine {
  /** What it became: one example, or several of a conversation that was split. */
  readonly parts: readonly LabelledTokens[];
  /** Whether an answer of it is nothing but its end. */
  readonly hasEmptyAnswer: boolean;
  /** See sources/content.ts; 0 if nobody asked for it. */
  readonly contentNumber: number;
}

/** Of a bad example: the error names it. */
export interface RefusedLine {
  readonly error: CoxswainError;
}

export interface TokenisedLines {
  /** One for each line, in their order. */
  readonly results: readonly (TokenisedLine | RefusedLine)[];
  readonly findings: Findings;
}

/**
 * Tokenises some lines.
 * @throws CoxswainError for what no single line is to blame for: "model", or "data" without a chat template
 */
export type LineTokeniser = (lines: readonly ReadLine[]) => Promise<TokenisedLines>;

/** What decides the tokens of a line, besides the tokenizer. */
export interface TokeniseSettings {
  readonly assistantOnlyLoss: boolean;
  readonly completionOnlyLoss: boolean;
  readonly turns: "all" | "last";
  /** Jinja text in place of the tokenizer's own template; null: that one. */
  readonly template: string | null;
  readonly templateKwargs: Readonly<Record<string, unknown>>;
  /** The date that templates write, ms since 1970. */
  readonly date: number;
  /** Whether content numbers are asked for. */
  readonly contents: boolean;
}
