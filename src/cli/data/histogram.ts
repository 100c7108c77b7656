/** A histogram of lengths as lines of text. Pure. */
import type { LengthBin } from "../../data/index.js";
import { number } from "./words.js";

export interface HistogramStyle {
  /** The character of bars. */
  readonly bar: string;
  /** Characters per line. */
  readonly width: number;
}

/** "  100-199  ██████  1,234": every bin with an example has a bar. */
export function histogramLines(bins: readonly LengthBin[], { bar, width }: HistogramStyle): readonly string[] {
  const ranges = bins.map(rangeOf);
  const counts = bins.map(({ count }) => number(count));
  const rangeWidth = longest(ranges);
  const room = Math.max(1, width - rangeWidth - longest(counts) - "    ".length);
  const most = bins.reduce((high, { count }) => Math.max(high, count), 1);
  return bins.map(({ count }, index) => {
    const length = count === 0 ? 0 : Math.max(1, Math.round((count / most) * room));
    const drawn = bar.repeat(length);
    return `${(ranges[index] ?? "").padStart(rangeWidth)}  ${drawn}${drawn === "" ? "" : "  "}${counts[index] ?? ""}`;
  });
}

function rangeOf({ from, to }: LengthBin): string {
  if (to === null) return `${number(from)} or more`;
  return from === to ? number(from) : `${number(from)}-${number(to)}`;
}

const longest = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, text.length), 0);
