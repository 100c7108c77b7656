/** Builds a token store from files: read, render, tokenise, truncate, pack, count; reports all errors in the data. */
import type { DataConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { BadExamples } from "./bad-examples.js";
import { costOf, maxBatchCost } from "./batch-cost.js";
import { createEncoder } from "./encode.js";
import type { Encoder, LabelledTokens, LocatedExample } from "./encoding.js";
import { replacementCharacterIn, unreadKeys, type Example } from "./formats/index.js";
import { Int32Buffer } from "./int32-buffer.js";
import { openChatTemplates, type ChatTemplates } from "./model-templates.js";
import { packExamples } from "./packing.js";
import {
  namesOf,
  readRecords,
  selectionOf,
  SourceCounts,
  SourceFormats,
  type DataInput,
  type DatasetVersions,
} from "./sources/index.js";
import { knownRoles, requireKnownRoles } from "./roles.js";
import { supervisedTokens } from "./row.js";
import { createTokenStore, type TokenStore } from "./token-store.js";
import type { TextTokenizer } from "./tokenizer.js";
import { WarningTally } from "./warning-tally.js";

export interface TokenStoreOptions {
  /** Sources as in `data.train`, or a selection of them. */
  readonly source: DataInput;
  /** The run's `data` settings (`train`, `eval` and `shuffle` are not used). */
  readonly data: Pick<
    DataConfig,
    | "format"
    | "turns"
    | "max_length"
    | "packing"
    | "assistant_only_loss"
    | "completion_only_loss"
    | "chat_template"
    | "chat_template_kwargs"
  > & {
    /** Default: "error". */
    readonly on_bad_example?: DataConfig["on_bad_example"];
  };
  readonly tokenizer: TextTokenizer;
  /** Receives warnings about what was done to the data, one sentence per kind. Default: ignored. */
  readonly onWarning?: (message: string) => void;
  /** Receives each example as it was read. */
  readonly onExample?: ((value: unknown, where: string) => void) | undefined;
  /** Data sets of the hub. Default: looked up again. */
  readonly datasets?: DatasetVersions | undefined;
  /** Receives the number of examples tokenised so far. */
  readonly onProgress?: (examples: number) => void;
  /** The clock of templates that write the date. Default: the system's. */
  readonly now?: () => Date;
}

/** Examples per tokenizer call: enough to keep its threads busy, few enough to hold in memory. */
const batchSize = 256;

/** Collects tokenised examples: truncates them, and keeps those with supervised tokens. */
class Collector {
  readonly ids = new Int32Buffer();
  readonly labels = new Int32Buffer();
  readonly lengths = new Int32Buffer();
  readonly #maxLength: number;
  readonly #tokenizer: TextTokenizer;
  readonly #warnings: WarningTally;
  /** Lines read. */
  records = 0;
  examples = 0;
  supervised = 0;
  truncated = 0;
  dropped = 0;
  /** Of conversations that became several examples. */
  readonly split = { conversations: 0, examples: 0, extraTokens: 0 };

  constructor(maxLength: number, tokenizer: TextTokenizer, warnings: WarningTally) {
    this.#maxLength = maxLength;
    this.#tokenizer = tokenizer;
    this.#warnings = warnings;
  }

  get totals(): { examples: number; tokens: number; supervisedTokens: number } {
    return { examples: this.examples, tokens: this.ids.length, supervisedTokens: this.supervised };
  }

  /**
   * Adds what a line became: one example, or one for each part of a conversation.
   * @throws CoxswainError "data" if it is a bad example, of which nothing is added
   */
  add(parts: readonly LabelledTokens[], where: string): void {
    const named = parts.map((tokens) => ({
      tokens,
      name: tokens.part === undefined ? where : `${where}, ${tokens.part}`,
    }));
    for (const { tokens, name } of named) this.#check(tokens, name);
    this.records++;
    for (const { tokens, name } of named) this.#add(tokens, name);
    if (parts.length === 1) return;
    const lengths = parts.map(({ ids }) => Math.min(ids.length, this.#maxLength));
    this.split.conversations++;
    this.split.examples += parts.length;
    this.split.extraTokens += lengths.reduce((sum, length) => sum + length, 0) - Math.max(...lengths);
  }

  #check(tokens: LabelledTokens, where: string): void {
    this.#checkVocabulary(tokens.ids, where);
    if (countSupervised(tokens) === 0) throw nothingSupervised(where);
  }

  #add(tokens: LabelledTokens, where: string): void {
    this.examples++;
    const kept = this.#cut(tokens, where);
    const supervised = countSupervised(kept);
    if (supervised === 0) {
      this.dropped++;
      this.#warnings.count("dropped", where);
      return;
    }
    this.supervised += supervised;
    this.ids.append(kept.ids);
    this.labels.append(kept.labels);
    this.lengths.push(kept.ids.length);
  }

  #cut(tokens: LabelledTokens, where: string): LabelledTokens {
    if (tokens.ids.length <= this.#maxLength) return tokens;
    this.truncated++;
    this.#warnings.count("truncated", where);
    return { ids: tokens.ids.subarray(0, this.#maxLength), labels: tokens.labels.subarray(0, this.#maxLength) };
  }

  #checkVocabulary(ids: Int32Array, where: string): void {
    const { modelVocabSize } = this.#tokenizer;
    const stranger = ids.find((id) => id >= modelVocabSize);
    if (stranger === undefined) return;
    const token = JSON.stringify(this.#tokenizer.idToToken(stranger));
    throw new CoxswainError(
      "data",
      `${where}: token ${stranger} (${token}) is not in the model's vocabulary of ${modelVocabSize}`,
      {
        hint: "The tokenizer has tokens that the model does not know: use the tokenizer that came with the model.",
      },
    );
  }
}

const countSupervised = ({ ids, labels }: LabelledTokens): number =>
  supervisedTokens({ inputIds: ids, labels, segments: [ids.length] });

const nothingSupervised = (where: string): CoxswainError =>
  new CoxswainError("data", `${where}: this example has no supervised token, so there is nothing to learn from it`, {
    hint:
      "A conversation needs an assistant message, a completion some text, and `labels` a value other than -100. The first " +
      "token of an example is never predicted. Correct or remove the line.",
  });

function nothingLeft(source: DataInput, maxLength: number): CoxswainError {
  const name = namesOf(selectionOf(source));
  const message = `${name}: every example is longer than data.max_length (${maxLength}) and has no supervised token within it`;
  return new CoxswainError("data", message, { hint: "Raise data.max_length, or shorten the prompts." });
}

function needsTemplate(example: Example, where: string, templates: ChatTemplates | null): void {
  if (example.kind !== "chat" || templates !== null) return;
  throw new CoxswainError("data", `${where}: the example is a conversation, but the model has no chat template`, {
    hint: "Set data.chat_template (Jinja text or a file), or use a chat model.",
  });
}

/** Reads and tokenises everything into the collector. */
async function collect(
  options: TokenStoreOptions,
  encode: Encoder,
  templates: ChatTemplates | null,
  into: Collector,
  warnings: WarningTally,
  bad: BadExamples,
): Promise<SourceCounts> {
  const { source, data, tokenizer } = options;
  const formats = new SourceFormats(source, data.format, {
    chat: templates !== null,
    vocabSize: tokenizer.modelVocabSize,
  });
  const roles = knownRoles(...(templates === null ? [] : [templates.plain.source, templates.tools.source]));
  let batch: (LocatedExample & { readonly source: number })[] = [];
  let cost = 0;
  const counts = new SourceCounts(selectionOf(source));
  const flush = async (): Promise<void> => {
    const encoded = await encode(batch);
    encoded.forEach((parts, index) => {
      const where = batch[index]?.where ?? "";
      if (parts.length > 0) bad.attempt(where, () => into.add(parts, where));
      counts.add(batch[index]?.source ?? 0, into.totals);
    });
    batch = [];
    cost = 0;
    bad.settle();
    options.onProgress?.(into.records + bad.count);
  };
  const onBadLine = (where: string, error: unknown): void => {
    bad.reading(where);
    bad.skip(where, error);
  };
  const { onWarning: onNote, datasets } = options;
  const onRead = (): void => options.onProgress?.(into.records + bad.count);
  for await (const record of readRecords(source, { onBadLine, onRead, onNote, datasets })) {
    if (bad.unsettled >= batchSize || cost >= maxBatchCost) await flush();
    const { value, where, repeatedKey } = record;
    bad.reading(where);
    const known = bad.attempt(where, () => formats.of(record));
    if (known === undefined) continue;
    const { format, read } = known;
    if (format !== "tokens" && tokenizer.absence !== undefined) throw tokenizer.absence;
    const example = bad.attempt(where, () => {
      const one = read(value, where);
      if (one.kind === "chat") requireKnownRoles(one.messages, roles, where, one.promptMessages);
      return one;
    });
    if (example === undefined) continue;
    needsTemplate(example, where, templates);
    if (repeatedKey !== undefined) warnings.count("repeated_key", `${where}, ${repeatedKey}`);
    const spoilt = replacementCharacterIn(example);
    if (spoilt !== undefined) warnings.count("replacement_character", `${where}, ${spoilt}`);
    warnings.countUnread(unreadKeys(format, value), where);
    options.onExample?.(value, where);
    batch.push({ example, where, source: record.source });
    cost += costOf(example);
  }
  await flush();
  return counts;
}

/**
 * Tokenises a data set.
 * @throws CoxswainError "data" naming file and line: not JSON, not the format's structure, a template that fails, a
 * token outside the model's vocabulary, an example without supervised tokens (unless these are skipped); or naming the source: no examples, or all
 * of them longer than `max_length` without supervised tokens within it
 */
export async function buildTokenStore(options: TokenStoreOptions): Promise<TokenStore> {
  const { source, data, tokenizer, onWarning, now = () => new Date() } = options;
  const warnings = new WarningTally();
  const bad = new BadExamples(data.on_bad_example ?? "error");
  const clock = (): Date => {
    warnings.count("dated", "");
    return now();
  };
  const { chat_template: override, chat_template_kwargs: kwargs } = data;
  const templates = await openChatTemplates(tokenizer, { override, kwargs, now: clock });
  const encode = createEncoder({
    tokenizer,
    templates,
    assistantOnlyLoss: data.assistant_only_loss,
    completionOnlyLoss: data.completion_only_loss,
    turns: data.turns,
    onSplitBoundary: (where) => warnings.count("split_boundary", where),
    onControlToken: (where, token) => warnings.count("control_token", `${where}, ${JSON.stringify(token)}`),
    onSplitPrompt: (where) => warnings.count("split_prompt", where),
    onJoinedStart: (where) => warnings.count("joined_start", where),
    onIgnored: ({ kind, detail }, where) => warnings.count(kind, detail === null ? where : `${where}, ${detail}`),
    onMissingEos: (where) => warnings.count("missing_eos", where),
    onOtherPrompt: (where) => warnings.count("other_prompt", where),
    onBadExample: (where, error) => bad.skip(where, error),
  });
  const collected = new Collector(data.max_length, tokenizer, warnings);
  const sources = (await collect(options, encode, templates, collected, warnings, bad)).finish();
  bad.requireSome(collected.records);
  const { records, examples, supervised, truncated, dropped, split } = collected;
  if (dropped === examples) throw nothingLeft(source, data.max_length);
  const skipped = bad.note(records);
  if (skipped !== null) onWarning?.(skipped);
  if (onWarning !== undefined) warnings.report({ records, examples }, data.max_length, onWarning);
  const arrays = {
    ids: collected.ids.finish(),
    labels: collected.labels.finish(),
    lengths: collected.lengths.finish(),
  };
  const packing = data.packing ? packExamples(arrays.lengths, data.max_length) : null;
  return createTokenStore(arrays, packing, {
    examples,
    rows: packing === null ? arrays.lengths.length : packing.rowStarts.length - 1,
    tokens: arrays.ids.length,
    supervisedTokens: supervised,
    truncated,
    dropped: { nothing_supervised_after_cut: dropped },
    ...(bad.count === 0 ? {} : { skipped: { count: bad.count, first: bad.listed } }),
    ...(split.conversations === 0 ? {} : { split: { ...split } }),
    ...(sources === undefined ? {} : { sources }),
  });
}
