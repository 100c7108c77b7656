/** As much of a terminal as the progress line and the table of a status use, for tests: what a person would see. */

const escape = "\u001b";
const sequenceOrCharacter = new RegExp(`${escape}\\[[\\d;]*[A-Za-z]|[^]`, "gu");

export class Terminal {
  readonly isTTY = true;
  readonly lines: string[] = [""];
  /** Rows that go on with the line above, which was too long. */
  readonly #wrapped = new Set<number>();
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

  /** Another width: lines are broken anew, and those that were broken are joined, as tmux and most terminals do. */
  resize(columns: number): void {
    const whole: { text: string; cursor: number | undefined }[] = [];
    this.lines.forEach((text, row) => {
      const line = this.#wrapped.has(row) ? whole.at(-1) : undefined;
      const before = line?.text ?? "";
      const cursor = row === this.#row ? before.length + this.#column : undefined;
      if (line === undefined) whole.push({ text, cursor });
      else Object.assign(line, { text: before + text, cursor: line.cursor ?? cursor });
    });
    this.columns = columns;
    this.lines.length = 0;
    this.#wrapped.clear();
    for (const { text, cursor } of whole) {
      const first = this.lines.length;
      const rows = Math.max(1, Math.ceil(text.length / columns));
      for (let row = 0; row < rows; row++) {
        if (row > 0) this.#wrapped.add(this.lines.length);
        this.lines.push(text.slice(row * columns, (row + 1) * columns));
      }
      if (cursor === undefined) continue;
      const row = Math.min(rows - 1, Math.floor(cursor / columns));
      this.#row = first + row;
      this.#column = cursor - row * columns;
    }
  }

  #take(part: string): void {
    const [, rows] = /^\[(\d+)A$/.exec(part.slice(escape.length)) ?? [];
    if (part === "\n") this.#feed();
    else if (part === "\r") this.#column = 0;
    else if (part === "\u001b[K") this.#replace(this.#line.slice(0, this.#column));
    else if (part === "\u001b[J") {
      this.#replace(this.#line.slice(0, this.#column));
      this.lines.splice(this.#row + 1);
      for (const row of [...this.#wrapped]) if (row > this.#row) this.#wrapped.delete(row);
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
    if (this.#column >= this.columns) {
      this.#feed();
      this.#wrapped.add(this.#row);
    }
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
