/** Lays text out in columns of a terminal. Pure. Text that is appended changes only the last row. */
import { visibleText } from "../../visible-text.js";
import { clusters, clusterWidth, columnsOf } from "../terminal/progress-line.js";

/** Rows of at most `width` columns, broken between words where possible. At least one row. */
export function wrapText(text: string, width: number): string[] {
  return visibleText(text)
    .replaceAll("\t", "    ")
    .split("\n")
    .flatMap((line) => wrapLine(line, width));
}

function wrapLine(line: string, width: number): string[] {
  const rows: string[] = [];
  let row = "";
  let used = 0;
  const next = (): void => {
    rows.push(row.trimEnd());
    row = "";
    used = 0;
  };
  for (const word of line.match(/\s+|\S+/gu) ?? []) {
    const columns = columnsOf(word);
    if (/^\s/u.test(word)) {
      // Spaces at the end of a row are dropped; the row goes on, so that its words stay where they are.
      const room = Math.min(columns, width - used);
      row += " ".repeat(room);
      used += room;
      continue;
    }
    if (used > 0 && used + columns > width) next();
    for (const cluster of clusters(word)) {
      const more = clusterWidth(cluster);
      if (used > 0 && used + more > width) next();
      row += cluster;
      used += more;
    }
  }
  rows.push(row.trimEnd());
  return rows;
}

/** Rows of two columns side by side. @param first index of the first row */
export function besides(left: readonly string[], right: readonly string[], layout: Columns, first = 0): string[] {
  const count = Math.max(left.length, right.length);
  return Array.from({ length: Math.max(0, count - first) }, (_, index) => {
    const text = left[first + index] ?? "";
    const padding = " ".repeat(Math.max(0, layout.width - columnsOf(text)));
    return `${text}${padding}${layout.separator}${right[first + index] ?? ""}`.trimEnd();
  });
}

/** Two columns of the same width. */
export interface Columns {
  /** Of each column. */
  readonly width: number;
  readonly separator: string;
}

/** Narrower terminals show one answer after the other. */
const leastColumns = 100;

/** null if the terminal is too narrow for two columns. */
export function columnsFor(terminal: number, unicode: boolean): Columns | null {
  if (terminal < leastColumns) return null;
  // One column stays free: terminals differ in what they do after the last one.
  return { width: Math.floor((terminal - 4) / 2), separator: unicode ? " │ " : " | " };
}
