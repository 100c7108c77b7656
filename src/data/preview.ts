/**
 * Shows training rows to a person: a row's text with its supervised parts marked. Pure except for decoding; does not
 * know terminals: colours and marks are passed in.
 */
import { inWords } from "./bad-examples.js";
import { IGNORE, supervisedTokens, type Row } from "./row.js";
import { sourceLines } from "./sources/index.js";
import type { DataStatistics } from "./token-store.js";
import type { TextTokenizer } from "./tokenizer.js";

/** Neighbouring tokens of one example that are all supervised, or all not. */
export interface PreviewPiece {
  readonly text: string;
  readonly supervised: boolean;
}

/** A row as text, with what of it is learnt. */
export interface PreviewRow {
  /** Index in the token store, from 0. */
  readonly index: number;
  readonly tokens: number;
  /** As counted by the loss: without the first token of each example. */
  readonly supervisedTokens: number;
  /** Examples of the row, one unless packed, as pieces. */
  readonly examples: readonly (readonly PreviewPiece[])[];
}

/** The style of a preview. */
export interface PreviewStyle {
  /** Marks supervised text; gets one line, never a line break. */
  readonly supervised: (text: string) => string;
  /** Marks text that is read but not learnt; also one line. */
  readonly context: (text: string) => string;
  readonly heading: (text: string) => string;
  /** Explains the marks, such as "[[ ]] is learnt". */
  readonly legend: string;
}

async function piecesOf(row: Row, from: number, to: number, tokenizer: TextTokenizer): Promise<PreviewPiece[]> {
  const pieces: PreviewPiece[] = [];
  let start = from;
  for (let at = from + 1; at <= to; at++) {
    const supervised = row.labels[start] !== IGNORE;
    if (at < to && (row.labels[at] !== IGNORE) === supervised) continue;
    pieces.push({ text: await tokenizer.decode(row.inputIds.subarray(start, at)), supervised });
    start = at;
  }
  return pieces;
}

/** A row as text. A character whose bytes are partly supervised shows as U+FFFD on both sides. */
export async function previewRow(row: Row, index: number, tokenizer: TextTokenizer): Promise<PreviewRow> {
  const examples: PreviewPiece[][] = [];
  let start = 0;
  for (const length of row.segments) {
    examples.push(await piecesOf(row, start, start + length, tokenizer));
    start += length;
  }
  return { index, tokens: row.inputIds.length, supervisedTokens: supervisedTokens(row), examples };
}

const lines = (text: string, style: (line: string) => string): string =>
  text
    .split("\n")
    .map((line) => (line === "" ? "" : style(line)))
    .join("\n");

const number = (value: number): string => value.toLocaleString("en-GB");
const count = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

function renderRow({ index, tokens, supervisedTokens: learnt, examples }: PreviewRow, style: PreviewStyle): string {
  const parts = [count(tokens, "token"), `${number(learnt)} supervised`];
  if (examples.length > 1) parts.push(count(examples.length, "packed example"));
  const texts = examples.map((pieces) =>
    pieces.map(({ text, supervised }) => lines(text, supervised ? style.supervised : style.context)).join(""),
  );
  const body = texts.map((text, example) =>
    texts.length === 1 ? text : `${style.heading(`  example ${example + 1}`)}\n${text}`,
  );
  const closed = body.map((text) => (text.endsWith("\n") ? text : `${text}\n`));
  return `${style.heading(`row ${index + 1}: ${parts.join(", ")}`)}\n${closed.join("")}`;
}

function renderStatistics({ examples, rows, tokens, supervisedTokens: learnt, ...rest }: DataStatistics): string {
  const share = ((100 * learnt) / tokens).toFixed(1);
  const dropped = Object.values(rest.dropped).reduce((sum, one) => sum + one, 0);
  const parts = [
    `${count(examples, "example")} in ${count(rows, "row")}`,
    `${count(tokens, "token")}, ${number(learnt)} supervised (${share} %)`,
    `${number(rest.truncated)} truncated`,
    `${number(dropped)} dropped`,
    ...(rest.skipped === undefined ? [] : [`${number(rest.skipped.count)} skipped`]),
  ];
  const sources = sourceLines(rest.sources ?? []).map((line) => `\n  ${line}`);
  return parts.join("; ") + sources.join("");
}

/**
 * Says how many examples came of how many conversations, and what that costs; null if every line became one example.
 * For people.
 */
export function splitNote({ split }: DataStatistics): string | null {
  if (split === undefined) return null;
  const { conversations, examples, extraTokens } = split;
  return (
    `${count(conversations, "conversation")} became ${count(examples, "example")}, with ` +
    `${count(extraTokens, "extra token")}: the chat template rewrites earlier turns, or ends its prompt inside a token, so ` +
    "that a turn is trained as it is when a model is asked for it"
  );
}

/** A line for each skipped example, as far as they are listed. */
function skippedLines({ skipped }: DataStatistics): readonly string[] {
  if (skipped === undefined) return [];
  const { count: all, first } = skipped;
  const more = all > first.length ? [`  and ${number(all - first.length)} more`] : [];
  return ["skipped:", ...first.map((example) => `  ${inWords(example)}`), ...more];
}

/**
 * The text of a preview: a legend, the rows, and statistics of the whole data set.
 * @param rows the rows to show
 * @param statistics of the whole data set
 */
export function renderPreview(rows: readonly PreviewRow[], statistics: DataStatistics, style: PreviewStyle): string {
  const summary = [renderStatistics(statistics), splitNote(statistics) ?? [], skippedLines(statistics)]
    .flat()
    .join("\n");
  const parts = [style.legend, ...rows.map((row) => renderRow(row, style).trimEnd()), summary];
  return `${parts.join("\n\n")}\n`;
}
