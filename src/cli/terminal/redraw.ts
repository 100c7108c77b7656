/**
 * How lines that were written to a terminal are taken away again, also when its window has another width by now: most
 * terminals then break long lines anew (and join those that they broke), so that they fill other rows than before.
 */
import { columnsOf } from "./progress-line.js";

export interface TerminalStream {
  write(text: string): unknown;
  readonly columns?: number | undefined;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

/** Of a terminal that does not know its width. */
const usualWidth = 80;

export const widthOf = ({ columns }: Pick<TerminalStream, "columns">): number =>
  columns === undefined || columns < 1 ? usualWidth : columns;

/** Rows that these lines fill in so many columns. */
const rowsOf = (lines: readonly string[], columns: number): number =>
  lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(columnsOf(line) / columns)), 0);

const clearLine = "\r\u001b[K";
const clearBelow = "\u001b[J";
const up = (rows: number): string => (rows === 0 ? "" : `\u001b[${rows}A`);

/** Takes a line away at whose end the cursor is. @param columns of the terminal now */
export function eraseLine(line: string, columns: number): string {
  const rows = rowsOf([line], columns);
  return rows === 1 ? clearLine : `\r${up(rows - 1)}${clearBelow}`;
}

/** Goes up to the first of these lines, below which the cursor is. */
export const toFirst = (lines: readonly string[], columns: number): string => `${up(rowsOf(lines, columns))}\r`;
