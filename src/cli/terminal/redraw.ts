/**
 * Removes lines that were written to a terminal, even if its width has changed since: most terminals then reflow long
 * lines, so that they occupy a different number of rows.
 */
import { columnsOf } from "./progress-line.js";

export interface TerminalStream {
  write(text: string): unknown;
  readonly columns?: number | undefined;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

/** Width of a terminal that does not report one. */
const usualWidth = 80;

export const widthOf = ({ columns }: Pick<TerminalStream, "columns">): number =>
  columns === undefined || columns < 1 ? usualWidth : columns;

/** Number of rows that these lines occupy at this width. */
const rowsOf = (lines: readonly string[], columns: number): number =>
  lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(columnsOf(line) / columns)), 0);

const clearLine = "\r\u001b[K";
const clearBelow = "\u001b[J";
const up = (rows: number): string => (rows === 0 ? "" : `\u001b[${rows}A`);

/** Removes a line that ends at the cursor. @param columns the current width of the terminal */
export function eraseLine(line: string, columns: number): string {
  const rows = rowsOf([line], columns);
  return rows === 1 ? clearLine : `\r${up(rows - 1)}${clearBelow}`;
}

/** Moves the cursor from below these lines to the first of them. */
export const toFirst = (lines: readonly string[], columns: number): string => `${up(rowsOf(lines, columns))}\r`;
