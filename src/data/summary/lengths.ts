/** How long examples are, in tokens before truncation: percentiles and a histogram. Pure. */

/** Examples of `from` to `to` tokens, both included; null: no upper limit. */
export interface LengthBin {
  readonly from: number;
  readonly to: number | null;
  readonly count: number;
}

export interface LengthStatistics {
  readonly min: number;
  readonly mean: number;
  /** Nearest-rank percentiles: p90 is the smallest length that at least 90 % of the examples do not exceed. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Bins of equal width; the last one has no upper limit if few examples are far longer than the others. */
  readonly histogram: readonly LengthBin[];
}

const mostBins = 12;

/** @param lengths of each example, at least one */
export function lengthStatistics(lengths: Int32Array): LengthStatistics {
  const sorted = lengths.slice().sort();
  const rank = (percent: number): number => sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
  const [min, p50, p90, p99, max] = [sorted[0] ?? 0, rank(50), rank(90), rank(99), sorted.at(-1) ?? 0];
  const mean = sorted.reduce((sum, length) => sum + length, 0) / sorted.length;
  return { min, mean, p50, p90, p99, max, histogram: histogramOf(sorted, p99) };
}

/** Examples beyond p99 do not decide the width of the bins. */
function histogramOf(sorted: Int32Array, p99: number): readonly LengthBin[] {
  const [min, max] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  const width = binWidth(max - min < 2 * (p99 - min) ? max - min : p99 - min);
  const start = Math.floor(min / width) * width;
  const counts: number[] = [];
  for (const length of sorted) {
    const bin = Math.min(Math.floor((length - start) / width), mostBins - 1);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return Array.from(counts, (count: number | undefined, bin) => {
    const from = start + bin * width;
    const isOpen = bin === mostBins - 1 && max >= from + width;
    return { from, to: isOpen ? null : from + width - 1, count: count ?? 0 };
  });
}

/** The least of 1, 2, 5, 10, 20 … so that one bin less than the most covers the range, wherever it starts. */
function binWidth(range: number): number {
  for (let power = 1; ; power *= 10) {
    const width = [1, 2, 5].map((factor) => factor * power).find((each) => each * (mostBins - 2) >= range);
    if (width !== undefined) return width;
  }
}
