/** Two answers that are generated at the same time, side by side in a terminal. */
import { LiveBlock } from "../terminal/live-block.js";
import type { TerminalStream } from "../terminal/redraw.js";
import { besides, wrapText, type Columns } from "./wrap.js";

export interface TallStream extends TerminalStream {
  readonly rows?: number | undefined;
}

/** Rows that no longer change are written for good; the rest is redrawn, as much of it as the terminal has rows. */
export class ColumnsView {
  readonly #stream: TallStream;
  readonly #layout: Columns;
  readonly #texts: [string, string] = ["", ""];
  readonly #ended: [boolean, boolean] = [false, false];
  #block: LiveBlock;
  /** Rows that are written for good. */
  #written = 0;

  /** @param titles of the columns, as they are to be shown */
  constructor(stream: TallStream, layout: Columns, titles: readonly [string, string]) {
    this.#stream = stream;
    this.#layout = layout;
    stream.write(besides([titles[0]], [titles[1]], layout).join("\n") + "\n");
    this.#block = new LiveBlock(stream);
  }

  add(side: 0 | 1, text: string): void {
    this.#texts[side] += text;
    this.#draw();
  }

  /** The answer is complete. */
  end(side: 0 | 1): void {
    this.#ended[side] = true;
    this.#draw();
  }

  #draw(): void {
    const [left, right] = this.#texts.map((text) => wrapText(text, this.#layout.width)) as [string[], string[]];
    const certain = (rows: readonly string[], side: 0 | 1): number =>
      this.#ended[side] ? Infinity : Math.max(0, rows.length - 1);
    const all = Math.max(left.length, right.length);
    const final = Math.min(certain(left, 0), certain(right, 1), all);
    if (final > this.#written) {
      this.#block.draw([]);
      const rows = besides(left.slice(0, final), right.slice(0, final), this.#layout, this.#written);
      this.#stream.write(rows.map((row) => `${row}\n`).join(""));
      this.#written = final;
      this.#block = new LiveBlock(this.#stream);
    }
    const height = Math.max(1, (this.#stream.rows ?? 24) - 2);
    this.#block.draw(besides(left, right, this.#layout, this.#written).slice(-height));
  }
}
