/** The JSON of `coxswain data`: its keys are documented in docs/data.md and do not change. Pure. */
import type { LengthStatistics, SummaryCounts } from "../../data/index.js";
import type { DescribedData, DescribedSide } from "../../library/index.js";
import { shareOf } from "./share.js";

type Json = Readonly<Record<string, unknown>>;

export const dataJson = (data: DescribedData, notes: readonly string[]): Json => ({
  model: data.model,
  max_length: data.maxLength,
  training: sideJson(data.training, false),
  evaluation: data.evaluation === null ? null : sideJson(data.evaluation, true),
  notes,
});

function sideJson(side: DescribedSide, isEvaluation: boolean): Json {
  return {
    rows: side.rows,
    row_fill: side.rowFill,
    ...countsJson(side, isEvaluation),
    skipped_examples: side.skippedExamples?.first ?? [],
    lengths: lengthsJson(side.lengths),
    sources: side.sources.map((source) => ({ name: source.name, ...countsJson(source, isEvaluation) })),
  };
}

const countsJson = (counts: SummaryCounts, isEvaluation: boolean): Json => ({
  lines: counts.lines,
  examples: counts.examples,
  tokens: counts.tokens,
  supervised_tokens: counts.supervisedTokens,
  supervised_share: shareOf(counts.supervisedTokens, counts.tokens),
  truncated: counts.truncated,
  truncated_share: shareOf(counts.truncated, counts.examples),
  dropped: counts.dropped,
  skipped: counts.skipped,
  duplicates: counts.duplicates,
  ...(isEvaluation ? { in_training: counts.inTraining } : {}),
  empty_answers: counts.emptyAnswers,
  split: {
    conversations: counts.split.conversations,
    examples: counts.split.examples,
    extra_tokens: counts.split.extraTokens,
  },
  longest: counts.longest,
});

const lengthsJson = ({ min, mean, p50, p90, p99, max, histogram }: LengthStatistics): Json => ({
  min,
  mean,
  p50,
  p90,
  p99,
  max,
  histogram,
});
