/**
 * Some lines of a terminal that are redrawn in place. The cursor is left below them, visible: whatever ends the process,
 * the terminal needs no repair.
 */
const clearRestOfLine = "\u001b[K";
const clearBelow = "\u001b[J";
const up = (lines: number): string => (lines === 0 ? "" : `\u001b[${lines}A`);

export class LiveBlock {
  readonly #stream: { write(text: string): unknown };
  #drawn: readonly string[] = [];

  constructor(stream: { write(text: string): unknown }) {
    this.#stream = stream;
  }

  /** @param lines of the width of the terminal at most, and fewer than it has rows */
  draw(lines: readonly string[]): void {
    if (lines.length === this.#drawn.length && lines.every((line, index) => line === this.#drawn[index])) return;
    const text = lines.map((line) => `${line}${clearRestOfLine}\n`).join("");
    this.#stream.write(`${up(this.#drawn.length)}\r${text}${clearBelow}`);
    this.#drawn = lines;
  }
}
