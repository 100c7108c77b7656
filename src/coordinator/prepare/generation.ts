/**
 * What is generated in every evaluation: answers to the questions of the evaluation set, which are compared with the
 * expected ones as `coxswain eval --exact-match` does, and to `training.sample_prompts`. Workers get token ids and return
 * token ids; texts stay here.
 */
import { positionLimit } from "../../compute/index.js";
import type { RunConfig } from "../../config/index.js";
import { exampleReader, knownRoles, openChatTemplates, requireKnownRoles } from "../../data/index.js";
import type {
  ChatMessage,
  ChatTemplates,
  Conversation,
  DataSelection,
  DatasetVersions,
  TextTokenizer,
} from "../../data/index.js";
import { CoxswainError } from "../../errors.js";
import { answerText, answerTokens, readQuestions, stopTokens } from "../../generation/index.js";
import type { Question } from "../../generation/index.js";
import type { ModelFolder } from "../../model/index.js";
import type { Sample } from "../../telemetry/index.js";

/** Prompts of a shard: enough to be generated together, and few enough to be shared among workers. */
const promptsPerShard = 16;

/** The most tokens of an answer to a sample prompt, as of `coxswain generate`. */
const sampleTokens = 256;

/** Prompts that a worker answers together. */
export interface GenerationShard {
  /** Token ids, at least one each. */
  readonly prompts: readonly Int32Array[];
  readonly maxNewTokens: number;
}

export interface AnswerScores {
  /** Share of the answers that equal the expected ones; undefined if none are expected. */
  readonly exactMatch: number | undefined;
  readonly samples: readonly Omit<Sample, "step">[];
}

export interface PreparedGeneration {
  readonly shards: readonly GenerationShard[];
  /** Ids that end an answer. */
  readonly stopIds: Int32Array;
  /** Positions of the model; 0: without a limit. */
  readonly contextLength: number;
  /** @param generated the tokens after each prompt, by shard; what a worker left out counts as an empty answer */
  readonly score: (generated: readonly (readonly Int32Array[])[]) => Promise<AnswerScores>;
}

export interface GenerationOptions {
  readonly config: RunConfig;
  readonly modelFolder: ModelFolder;
  readonly tokenizer: TextTokenizer;
  /** The evaluation data, as they were tokenised; null: none. */
  readonly evaluation: DataSelection | null;
  readonly datasets: DatasetVersions | undefined;
  readonly note: (text: string) => void;
  /** The date that templates write. */
  readonly now: () => Date;
}

/** Whether answers are compared in evaluations. */
export const measuresExactMatch = ({ training, data }: Pick<RunConfig, "training" | "data">): boolean =>
  data.eval !== null && (training.predict_with_generate || training.metric_for_best_model === "exact_match");

/**
 * @returns undefined if nothing is generated
 * @throws CoxswainError "data" for an example or a prompt that cannot be asked
 */
export async function prepareGeneration(options: GenerationOptions): Promise<PreparedGeneration | undefined> {
  const { config, tokenizer, now } = options;
  const prompts = config.training.sample_prompts ?? [];
  if (!measuresExactMatch(config) && prompts.length === 0) return undefined;
  const { chat_template: override, chat_template_kwargs: kwargs } = config.data;
  const templates = await openChatTemplates(tokenizer, { override, kwargs, now });
  const contextLength = contextLengthOf(options.modelFolder);
  const questions = measuresExactMatch(config) ? await questionsOf(options, templates) : [];
  const asked = askable(questions, contextLength, options.note);
  const samples = await Promise.all(
    prompts.map(async (prompt, index) => {
      const where = `training.sample_prompts.${index}`;
      return {
        prompt,
        ids: checkLength(await promptIds(prompt, { where, tokenizer, templates }), where, contextLength),
      };
    }),
  );
  const answerShards = inShards(
    asked.map(({ prompt }) => prompt),
    answerTokens(questions),
  );
  const sampleShards = inShards(
    samples.map(({ ids }) => ids),
    sampleTokens,
  );
  return {
    shards: [...answerShards, ...sampleShards],
    stopIds: Int32Array.from(stopTokens(tokenizer, templates)),
    contextLength,
    score: async (generated) => {
      const answers = inOrder(answerShards, generated);
      const texts = await Promise.all(answers.map((ids) => answerText(tokenizer, known(ids, tokenizer))));
      const expected = await Promise.all(asked.map(({ answer }) => answerText(tokenizer, answer)));
      const matched = texts.filter((text, index) => text === expected[index]).length;
      const completions = inOrder(sampleShards, generated.slice(answerShards.length));
      return {
        exactMatch: questions.length === 0 ? undefined : matched / questions.length,
        samples: await Promise.all(
          samples.map(async ({ prompt }, index) => {
            const ids = known(completions[index] ?? new Int32Array(), tokenizer);
            return { prompt, completion: await tokenizer.decode(ids, { skipSpecialTokens: true }) };
          }),
        ),
      };
    },
  };
}

/** Shortest prompts first, so that those of a shard have similar lengths. */
async function questionsOf(
  { config, evaluation: source, tokenizer, datasets, note }: GenerationOptions,
  templates: ChatTemplates | null,
): Promise<readonly Question[]> {
  if (source === null) throw new CoxswainError("bug", "exact match without an evaluation set");
  const questions = await readQuestions({
    source,
    datasets,
    format: config.data.format,
    onBadExample: config.data.on_bad_example,
    onNote: (text) => note(`exact match: ${text}`),
    tokenizer,
    templates,
  });
  return questions.sort((a, b) => a.prompt.length - b.prompt.length);
}

/** A question that fills the model's context counts as a mismatch, and is not asked. */
function askable(questions: readonly Question[], limit: number, note: (text: string) => void): readonly Question[] {
  const fit = questions.filter(({ prompt }) => limit === 0 || prompt.length < limit);
  const [first] = questions.filter((question) => !fit.includes(question));
  if (first !== undefined) {
    note(
      `exact match: ${questions.length - fit.length} of ${questions.length} prompts (first: ${first.where}) fill the ` +
        `model's ${limit} positions; they count as not matched`,
    );
  }
  return fit;
}

async function promptIds(
  prompt: string | readonly ChatMessage[],
  { where, tokenizer, templates }: { where: string; tokenizer: TextTokenizer; templates: ChatTemplates | null },
): Promise<Int32Array> {
  if (typeof prompt === "string" && templates === null) {
    const { ids } = await tokenizer.encode(prompt);
    // Without the tokens that the tokenizer appends: the model continues the text.
    return ids.subarray(0, ids.length - tokenizer.affixes.after);
  }
  if (templates === null) {
    throw new CoxswainError("config", `${where}: the model has no chat template, so it takes no messages`, {
      hint: "Give a text to continue, or set data.chat_template.",
    });
  }
  const conversation = conversationOf(prompt, where);
  requireKnownRoles(conversation.messages, knownRoles(templates.plain.source, templates.tools.source), where);
  const text = templates.plain.render(conversation, { addGenerationPrompt: true, where });
  return (await tokenizer.encode(text, { addSpecialTokens: false })).ids;
}

function conversationOf(prompt: string | readonly ChatMessage[], where: string): Conversation {
  if (typeof prompt === "string") return { messages: [{ role: "user", content: prompt }], tools: null };
  const example = exampleReader("messages", { chat: true, vocabSize: Number.MAX_SAFE_INTEGER })(
    { messages: prompt },
    where,
  );
  if (example.kind !== "chat") throw new CoxswainError("bug", "format messages is not read as a conversation");
  if (example.messages.at(-1)?.role !== "assistant") return example;
  throw new CoxswainError("config", `${where}: the last message is the assistant's, so there is nothing to answer`, {
    hint: "End the conversation with a user message.",
  });
}

function checkLength(ids: Int32Array, where: string, limit: number): Int32Array {
  if (ids.length === 0) throw new CoxswainError("config", `${where}: the prompt has no tokens`);
  if (limit === 0 || ids.length < limit) return ids;
  throw new CoxswainError(
    "config",
    `${where}: the prompt has ${ids.length} tokens, but the model has ${limit} positions for prompt and answer together`,
    { hint: "Shorten the prompt." },
  );
}

function inShards(prompts: readonly Int32Array[], maxNewTokens: number): GenerationShard[] {
  return Array.from({ length: Math.ceil(prompts.length / promptsPerShard) }, (_, shard) => ({
    prompts: prompts.slice(shard * promptsPerShard, (shard + 1) * promptsPerShard),
    maxNewTokens,
  }));
}

/** The answers in the order of the prompts: one for each, whatever was received. */
const inOrder = (
  shards: readonly GenerationShard[],
  generated: readonly (readonly Int32Array[])[],
): readonly Int32Array[] =>
  shards.flatMap(({ prompts, maxNewTokens }, shard) =>
    prompts.map((_, index) => (generated[shard]?.[index] ?? new Int32Array()).subarray(0, maxNewTokens)),
  );

/** Without ids that the model does not have. */
const known = (ids: Int32Array, { modelVocabSize }: TextTokenizer): Int32Array =>
  ids.filter((id) => id >= 0 && id < modelVocabSize);

function contextLengthOf(folder: ModelFolder): number {
  const limit = positionLimit(folder);
  if (limit !== null) return limit.positions;
  const positions = folder.config["max_position_embeddings"];
  return typeof positions === "number" && positions > 0 ? positions : 0;
}
