/** As much of a terminal as the progress line and the table of a status use, for tests: what a person would see. */

const escape = "\u001b";
const sequenceOrCharacter = new RegExp(`${escape}\\[[\\d;]*[A-Za-z]|[^]`, "gu");

export class Terminal {
  readonly isTTY = true;
  readonly lines: string[] = [""];
  /** How often anything was written. */
  writes = 0;
  #row = 0;
  #column = 0;

  constructor(public columns: number) {}

  write(text: string): void {
    this.writes++;
    for (const [part] of text.matchAll(sequenceOrCharacter)) this.#take(part);
  }

  /** What is on the screen, without blank lines at the end. */
  get screen(): string[] {
    return this.lines.map((line) => line.trimEnd()).filter((line, index, all) => line !== "" || index < all.length - 1);
  }

  #take(part: string): void {
    const [, rows] = /^\[(\d+)A$/.exec(part.slice(escape.length)) ?? [];
    if (part === "\n") this.#feed();
    else if (part === "\r") this.#column = 0;
    else if (part === "\u001b[K") this.#replace(this.#line.slice(0, this.#column));
    else if (part === "\u001b[J") {
      this.#replace(this.#line.slice(0, this.#column));
      this.lines.splice(this.#row + 1);
    } else if (rows !== undefined) this.#row = Math.max(0, this.#row - Number(rows));
    else if (part.startsWith("\u001b[") && part.endsWith("m")) return;
    else if (part.startsWith("\u001b"))
      throw new Error(`an escape sequence that this terminal has not: ${JSON.stringify(part)}`);
    else this.#print(part);
  }

  #feed(): void {
    this.#row++;
    if (this.#row === this.lines.length) this.lines.push("");
    this.#column = 0;
  }

  #print(character: string): void {
    // As xterm does: at the last column the next character goes to a new line.
    if (this.#column >= this.columns) this.#feed();
    const line = this.#line.padEnd(this.#column);
    this.#replace(line.slice(0, this.#column) + character + line.slice(this.#column + 1));
    this.#column++;
  }

  get #line(): string {
    return this.lines[this.#row] ?? "";
  }

  #replace(line: string): void {
    this.lines[this.#row] = line;
  }
}
