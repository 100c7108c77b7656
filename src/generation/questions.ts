/**
 * Converts examples to questions with known answers: the prompt and the expected answer. Knows formats and templates,
 * but not models.
 */
import {
  BadExamples,
  IGNORE,
  tokenizeAnswer,
  knownRoles,
  readRecords,
  requireKnownRoles,
  SourceFormats,
  type ChatExample,
  type ChatTemplates,
  type DataFormat,
  type DataInput,
  type DatasetVersions,
  type Example,
  type TextTokenizer,
} from "../data/index.js";
import { CoxswainError } from "../errors.js";

/** A prompt with a known answer. */
export interface Question {
  /** "eval.jsonl:7" */
  readonly where: string;
  /** The question, for people: the last message before the answer, or the prompt. */
  readonly text: string;
  /** The prompt, [tokens]. */
  readonly prompt: Int32Array;
  /** The answer's tokens, with those that end a turn; decoded like a model's own. [tokens] */
  readonly answer: Int32Array;
}

export interface QuestionOptions {
  readonly source: DataInput;
  /** Data sets of the hub. Default: looked up again. */
  readonly datasets?: DatasetVersions | undefined;
  readonly format: DataFormat | "auto";
  /** `data.on_bad_example`. Default: "error". */
  readonly onBadExample?: "error" | "skip";
  /** Receives a sentence on the examples that were skipped. Default: ignored. */
  readonly onNote?: (text: string) => void;
  readonly tokenizer: TextTokenizer;
  /** null: the model has no chat template. */
  readonly templates: ChatTemplates | null;
  /** Maximum number of examples. Default: all. */
  readonly limit?: number;
}

/** A question as text: what the prompt is and what the whole is, prompt and answer. */
interface QuestionText {
  readonly text: string;
  readonly prompt: string;
  readonly answer: string;
  /** Whether the tokenizer adds its own tokens around (a rendered conversation has its own). */
  readonly addSpecialTokens: boolean;
}

/**
 * Reads a data set's questions.
 * - A conversation: the prompt is everything before the last assistant message, with the header of the assistant's turn;
 *   the answer is what the template then writes of that message. (Where the template renders the turn in another way
 *   than its own header starts, the answer is the message's content.)
 * - Prompt and completion: just that. Tokens: the answer is the last supervised stretch.
 * @throws CoxswainError "data" naming file and line if an example has no prompt with an answer
 */
export async function readQuestions(options: QuestionOptions): Promise<Question[]> {
  const { source, tokenizer, templates, limit = Infinity } = options;
  const formats = new SourceFormats(source, options.format, {
    chat: templates !== null,
    vocabSize: tokenizer.modelVocabSize,
  });
  const questions: Question[] = [];
  const bad = new BadExamples(options.onBadExample ?? "error");
  const onBadLine = (where: string, error: unknown): void => bad.skip(where, error);
  for await (const record of readRecords(source, { onBadLine, datasets: options.datasets })) {
    if (questions.length >= limit) break;
    const { value, where } = record;
    try {
      const question = await toQuestion(formats.of(record).read(value, where), where, options);
      if (question.prompt.length === 0) throw emptyPrompt(where);
      questions.push(question);
    } catch (error) {
      bad.skip(where, error);
    }
  }
  bad.requireSome(questions.length);
  const skipped = bad.note(questions.length);
  if (skipped !== null) options.onNote?.(skipped);
  return questions;
}

function emptyPrompt(where: string): CoxswainError {
  return new CoxswainError("data", `${where}: the prompt is empty, so there is no token to continue from.`, {
    hint: "Exact match needs some text before the answer.",
  });
}

async function toQuestion(example: Example, where: string, options: QuestionOptions): Promise<Question> {
  const { tokenizer, templates } = options;
  switch (example.kind) {
    case "chat":
      return tokenise(chatQuestion(example, templates, where), where, tokenizer);
    case "completion": {
      const { prompt, completion } = example;
      const question = { text: prompt, prompt, answer: completion, addSpecialTokens: true };
      return tokenise(question, where, tokenizer);
    }
    case "tokens": {
      const { prompt, answer } = lastSupervised(example.inputIds, example.labels, where);
      return { where, text: await tokenizer.decode(prompt, { skipSpecialTokens: true }), prompt, answer };
    }
    case "text":
      throw new CoxswainError("data", `${where}: plain text has no prompt and answer to compare.`, {
        hint: "Exact match works on conversations and on prompts with completions; loss and perplexity on any format.",
      });
  }
}

function chatQuestion(chat: ChatExample, templates: ChatTemplates | null, where: string): QuestionText {
  if (templates === null) {
    throw new CoxswainError("data", `${where}: the example is a conversation, but the model has no chat template.`, {
      hint: "Give one with --chat-template (Jinja text or a file), or use a chat model.",
    });
  }
  const { messages, tools } = chat;
  const turn = messages.findLastIndex(({ role }, index) => role === "assistant" && !chat.context.has(index));
  const message = messages[turn];
  if (message === undefined || turn === 0) {
    throw new CoxswainError("data", `${where}: no message is followed by an assistant message.`, {
      hint: "Exact match generates the last assistant message from all messages before it.",
    });
  }
  requireKnownRoles(messages, knownRoles(templates.plain.source, templates.tools.source), where);
  const template = tools === null ? templates.plain : templates.tools;
  const { prompt, text, start, parts } = template.turn(chat, turn, where);
  const answer = parts ? (message.content ?? "") : text.slice(start);
  return { text: messages[turn - 1]?.content ?? "", prompt, answer, addSpecialTokens: false };
}

/** The answer's tokens are those that the whole text has after the prompt's, as in training. */
async function tokenise(question: QuestionText, where: string, tokenizer: TextTokenizer): Promise<Question> {
  const { text, addSpecialTokens } = question;
  const after = addSpecialTokens ? tokenizer.affixes.after : 0;
  const encode = async (part: string): Promise<Int32Array> => {
    const { ids } = await tokenizer.encode(part, { addSpecialTokens });
    // Without the tokens that the tokenizer appends: the text continues.
    return ids.subarray(0, ids.length - after);
  };
  const prompt = await encode(question.prompt);
  const whole = await encode(question.prompt + question.answer);
  if (prompt.every((id, index) => whole[index] === id)) {
    return { where, text, prompt, answer: whole.subarray(prompt.length) };
  }
  // A token crosses the boundary: the two are tokenised separately.
  const asText = { text: question.prompt + question.answer, answer: question.answer };
  const { ids: answer } = await tokenizeAnswer(prompt, asText, tokenizer);
  return { where, text, prompt, answer };
}

function lastSupervised(
  ids: Int32Array,
  labels: Int32Array,
  where: string,
): { prompt: Int32Array; answer: Int32Array } {
  const end = labels.findLastIndex((label) => label !== IGNORE) + 1;
  const start = labels.subarray(0, end).lastIndexOf(IGNORE) + 1;
  if (start > 0 && end > start) return { prompt: ids.subarray(0, start), answer: ids.subarray(start, end) };
  throw new CoxswainError("data", `${where}: no unsupervised tokens are followed by supervised ones.`, {
    hint: "Exact match generates the last run of supervised tokens (labels other than -100) from those before it.",
  });
}
