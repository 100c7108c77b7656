/** Formats an evaluation as text and as JSON. Pure. */
import type { Answer, Evaluation } from "../../library/index.js";
import { coloursFor, type Colours } from "../terminal/colour.js";

/** Keys as in `metrics.jsonl` and Hugging Face's reports. */
export function evaluationJson(evaluation: Evaluation, shown: number): Record<string, unknown> {
  const { model, adapter, device, quantization, rows, tokens, loss, perplexity, exactMatch, seconds } = evaluation;
  const common = { model, adapter, device, quantization, examples: rows, tokens, loss, perplexity, seconds };
  if (exactMatch === null) return common;
  const { answers, matched } = exactMatch;
  return {
    ...common,
    exact_match: matched / answers.length,
    exact_matches: matched,
    answers_total: answers.length,
    ...(shown > 0 ? { answers: answers.slice(0, shown) } : {}),
  };
}

/** @param stream decides on colours */
export function evaluationText(
  evaluation: Evaluation,
  shown: number,
  stream: { readonly isTTY?: boolean | undefined },
): string {
  const { model, adapter, device, quantization, rows, tokens, loss, perplexity, exactMatch, seconds } = evaluation;
  const colours = coloursFor(stream);
  const lines: (readonly [name: string, value: string])[] = [
    ["model", model],
    ["adapter", adapter ?? "none (base model)"],
    ["device", device],
    ...(quantization === null ? [] : [["weights", quantization] as const]),
    ["examples", String(rows)],
    ["tokens", `${tokens} supervised`],
    ["loss", loss.toFixed(4)],
    ["perplexity", perplexity.toPrecision(5)],
  ];
  if (exactMatch !== null) lines.push(["exact match", share(exactMatch.matched, exactMatch.answers.length)]);
  lines.push(["seconds", seconds.toFixed(1)]);
  const summary = lines.map(([name, value]) => `${colours.bold(name.padEnd(11))}  ${value}\n`).join("");
  const answers = exactMatch?.answers.slice(0, shown) ?? [];
  return answers.map((answer) => `${answerText(answer, colours)}\n`).join("") + summary;
}

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} % (${part} of ${whole})`;

function answerText({ where, question, expected, answer, matched, finish }: Answer, colours: Colours): string {
  const verdict = matched ? colours.green("matched") : colours.red("not matched");
  const said = [answer, endNotes[finish]].filter((part) => part !== "").join(" ");
  const field = (name: string, text: string): string => `  ${colours.dim(name.padEnd(8))}  ${indent(text, 12)}\n`;
  const head = `${colours.bold(where)}  ${verdict}\n`;
  return head + field("asked", question) + field("expected", expected) + field("answer", said);
}

/** The note on an answer that the model did not end itself. */
const endNotes: Record<Answer["finish"], string> = {
  stop: "",
  length: "(cut off)",
  context: "(cut off)",
  too_long: "(too long to ask)",
};

/** Aligns the following lines with the first one. */
const indent = (text: string, columns: number): string => text.replaceAll("\n", `\n${" ".repeat(columns)}`);
