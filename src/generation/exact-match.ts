/** Exact match: how often the model's answer equals the expected one, character by character. */
import type { TextTokenizer } from "../data/index.js";
import { generate, type GenerateOptions, type GenerationModel } from "./generate.js";
import type { Question } from "./questions.js";
import type { FinishReason } from "./sequence.js";

/** One question, answered. */
export interface Answer {
  /** "eval.jsonl:7" */
  readonly where: string;
  /** The question, for people. */
  readonly question: string;
  readonly expected: string;
  /** The model's answer; "" if it was not generated. */
  readonly answer: string;
  readonly matched: boolean;
  /** Why the answer ended; "too_long" if the prompt fills the model's context, so that nothing was generated. */
  readonly finish: FinishReason | "too_long";
}

/** Every question, answered. */
export interface ExactMatch {
  /** In the questions' order. */
  readonly answers: readonly Answer[];
  readonly matched: number;
}

export type ExactMatchOptions = GenerateOptions;

/** Tokens that an answer may have beyond the longest expected one: the same text may be tokenised differently. */
const answerMargin = 16;

/** The most tokens of an answer: those of the longest expected one, and some more. */
export const answerTokens = (questions: readonly Question[]): number =>
  questions.reduce((most, { answer }) => Math.max(most, answer.length), 0) + answerMargin;

/** An answer as it is compared: without special tokens and trailing whitespace. */
export const answerText = async (tokenizer: Pick<TextTokenizer, "decode">, ids: Int32Array): Promise<string> =>
  (await tokenizer.decode(ids, { skipSpecialTokens: true })).trimEnd();

/**
 * Generates an answer to every question. Answers are compared as text, without special tokens and trailing whitespace.
 * A question that is too long for the model counts as a mismatch.
 */
export async function exactMatch(
  model: GenerationModel,
  tokenizer: Pick<TextTokenizer, "decode">,
  questions: readonly Question[],
  options: ExactMatchOptions,
): Promise<ExactMatch> {
  const { contextLength = Infinity } = options;
  const asked = questions.filter(({ prompt }) => prompt.length < contextLength);
  const prompts = asked.map(({ prompt }) => prompt);
  const generations = await generate(model, prompts, options);
  const said = new Map(asked.map((question, index) => [question, generations[index]]));
  const textOf = (ids: Int32Array): Promise<string> => answerText(tokenizer, ids);
  const answers = await Promise.all(
    questions.map(async (question): Promise<Answer> => {
      const { where, text } = question;
      const expected = await textOf(question.answer);
      const generation = said.get(question);
      if (generation === undefined) {
        return { where, question: text, expected, answer: "", matched: false, finish: "too_long" };
      }
      const answer = await textOf(generation.tokens);
      return { where, question: text, expected, answer, matched: answer === expected, finish: generation.finish };
    }),
  );
  return { answers, matched: answers.filter(({ matched }) => matched).length };
}
