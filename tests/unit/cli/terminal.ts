/** As much of a terminal as the progress line uses, for tests: what a person would see. */

const escape = "\u001b";
const sequenceOrCharacter = new RegExp(`${escape}\\[[\\d;]*[A-Za-z]|[^]`, "gu");

export class Terminal {
  readonly isTTY = true;
  readonly lines: string[] = [""];
  /** How often anything was written. */
  writes = 0;
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
    if (part === "\n") {
      this.lines.push("");
      this.#column = 0;
    } else if (part === "\r") this.#column = 0;
    else if (part === "\u001b[K") this.#replace(this.#line.slice(0, this.#column));
    else if (part.startsWith("\u001b[") && part.endsWith("m")) return;
    else if (part.startsWith("\u001b"))
      throw new Error(`an escape sequence that this terminal has not: ${JSON.stringify(part)}`);
    else this.#print(part);
  }

  #print(character: string): void {
    // As xterm does: at the last column the next character goes to a new line.
    if (this.#column >= this.columns) {
      this.lines.push("");
      this.#column = 0;
    }
    const line = this.#line.padEnd(this.#column);
    this.#replace(line.slice(0, this.#column) + character + line.slice(this.#column + 1));
    this.#column++;
  }

  get #line(): string {
    return this.lines[this.lines.length - 1] ?? "";
  }

  #replace(line: string): void {
    this.lines[this.lines.length - 1] = line;
  }
}
