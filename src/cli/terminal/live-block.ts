/**
 * Lines of a terminal that are redrawn in place. The cursor stays visible below them, so that the terminal is intact
 * however the process ends.
 */
import { toFirst, widthOf, type TerminalStream } from "./redraw.js";

const clearRestOfLine = "\u001b[K";
const clearBelow = "\u001b[J";

export class LiveBlock {
  readonly #stream: TerminalStream;
  #drawn: readonly string[] = [];
  /** Columns of the terminal when the lines were drawn. */
  #columns = 0;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** @param lines at most as wide as the terminal, and fewer than it has rows */
  draw(lines: readonly string[]): void {
    const columns = widthOf(this.#stream);
    const isSame = lines.length === this.#drawn.length && lines.every((line, index) => line === this.#drawn[index]);
    if (isSame && columns === this.#columns) return;
    const text = lines.map((line) => `${line}${clearRestOfLine}\n`).join("");
    this.#stream.write(`${toFirst(this.#drawn, columns)}${text}${clearBelow}`);
    this.#drawn = lines;
    this.#columns = columns;
  }
}
