/** The report of `coxswain data`, for people. Pure. */
import type { Occurrences, SkippedExamples, SourceSummary, SummaryCounts } from "../../data/index.js";
import type { DescribedData, DescribedSide } from "../../library/index.js";
import { visibleLine, visibleText } from "../../visible-text.js";
import type { Colours } from "../terminal/colour.js";
import { histogramLines, type HistogramStyle } from "./histogram.js";
import { counted, number, percent } from "./words.js";

export interface ReportStyle extends HistogramStyle {
  readonly colours: Colours;
}

/** @param workingFolder paths in it are shown relative to it */
export function dataText(data: DescribedData, workingFolder: string, style: ReportStyle): string {
  const { training, evaluation, maxLength } = data;
  const sides = [
    sideLines("Training data", training, false, maxLength, style),
    evaluation === null ? ["No evaluation data (data.eval)."] : [],
    evaluation === null ? [] : sideLines("Evaluation data", evaluation, true, maxLength, style),
  ];
  const text = sides
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n");
  return text.replaceAll(`${workingFolder}/`, "");
}

function sideLines(
  title: string,
  side: DescribedSide,
  isEvaluation: boolean,
  maxLength: number,
  style: ReportStyle,
): readonly string[] {
  const { bold } = style.colours;
  const { lengths, rows, rowFill, sources } = side;
  const full = rowFill === null ? "one example per row" : `${percent(rowFill, 1)} full`;
  const table: readonly (readonly [string, string])[] = [
    ["examples", `${number(side.examples)} in ${counted(rows, "row")} (${full})`],
    ["tokens", `${number(side.tokens)}, of which ${supervised(side)} are supervised`],
    ["truncated", `${truncatedText(side)}, longer than data.max_length (${number(maxLength)})`],
    [
      "dropped",
      `${number(side.dropped)}${side.dropped === 0 ? "" : " without a supervised token within data.max_length"}`,
    ],
    ["skipped", `${number(side.skipped)}${side.skipped === 0 ? "" : " bad (data.on_bad_example: skip)"}`],
    ["duplicates", occurrences(side.duplicates)],
    ...(isEvaluation ? ([["in training", occurrences(side.inTraining)]] as const) : []),
    ["empty answers", occurrences(side.emptyAnswers)],
    ["split", splitText(side.split)],
    ["longest", longestText(side.longest)],
  ];
  const width = Math.max(...table.map(([name]) => name.length));
  const { p50, p90, p99, max, histogram } = lengths;
  return [
    bold(title),
    ...table.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`),
    "",
    bold("Tokens per example, before truncation"),
    `  p50 ${number(p50)}, p90 ${number(p90)}, p99 ${number(p99)}, longest ${number(max)}`,
    ...histogramLines(histogram, { ...style, width: style.width - 2 }).map((line) => `  ${line}`),
    ...skippedLines(side.skippedExamples, bold),
    ...(sources.length < 2 ? [] : ["", bold(`Sources of the ${title.toLowerCase()}`)]),
    ...(sources.length < 2 ? [] : sources.flatMap((source) => sourceText(source, isEvaluation))),
  ];
}

const supervised = ({ supervisedTokens, tokens }: SummaryCounts): string =>
  `${number(supervisedTokens)} (${percent(supervisedTokens, tokens)})`;

const truncatedText = ({ truncated, examples }: SummaryCounts): string =>
  `${number(truncated)} (${percent(truncated, examples)})`;

const occurrences = ({ count, first }: Occurrences): string =>
  first === null ? "0" : `${number(count)} (first: ${visibleText(first)})`;

const splitText = ({ conversations, examples, extraTokens }: SummaryCounts["split"]): string =>
  conversations === 0
    ? "0"
    : `${counted(conversations, "conversation")} into ${counted(examples, "example")}, ` +
      `with ${counted(extraTokens, "extra token")}`;

const longestText = (longest: SummaryCounts["longest"]): string =>
  longest === null ? "none" : `${counted(longest.tokens, "token")} (${visibleText(longest.where)})`;

/** At most so many skipped examples are shown; --json lists more. */
const shownSkipped = 5;

function skippedLines(skipped: SkippedExamples | undefined, bold: (text: string) => string): readonly string[] {
  if (skipped === undefined) return [];
  const shown = skipped.first.slice(0, shownSkipped);
  const more = skipped.count - shown.length;
  return [
    "",
    bold("Skipped"),
    ...shown.flatMap(({ where, reason }) => [`  ${visibleText(where)}`, `    ${visibleLine(reason)}`]),
    ...(more === 0 ? [] : [`  and ${number(more)} more`]),
  ];
}

function sourceText(source: SourceSummary, isEvaluation: boolean): readonly string[] {
  const { truncated, dropped, skipped, duplicates, inTraining, emptyAnswers, split, longest } = source;
  const rare: readonly (readonly [number, string])[] = [
    [truncated, "truncated"],
    [dropped, "dropped"],
    [skipped, "skipped"],
    [duplicates.count, duplicates.count === 1 ? "duplicate" : "duplicates"],
    [isEvaluation ? inTraining.count : 0, "in training"],
    [emptyAnswers.count, emptyAnswers.count === 1 ? "empty answer" : "empty answers"],
    [split.conversations, "split"],
  ];
  const found = rare.filter(([count]) => count > 0).map(([count, what]) => `${number(count)} ${what}`);
  return [
    `  ${visibleText(source.name)}`,
    `    ${counted(source.examples, "example")}, ${counted(source.tokens, "token")}, ${supervised(source)} supervised`,
    ...(found.length === 0 ? [] : [`    ${found.join(", ")}`]),
    ...(longest === null ? [] : [`    longest: ${longestText(longest)}`]),
  ];
}
