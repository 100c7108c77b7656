/** Builds a token store from files: read, render, tokenise, truncate, pack, count; reports all errors in the data. */
import { CoxswainError } from "../errors.js";
import { BadExamples } from "./bad-examples.js";
import { costOf, maxBatchCost } from "./batch-cost.js";
import { Collector, type TokenSink } from "./collector.js";
import { createEncoder } from "./encode.js";
import type { Encoder, LabelledTokens, LocatedExample } from "./encoding.js";
import { replacementCharacterIn, unreadKeys, type DataFormat, type Example } from "./formats/index.js";
import { MemorySink } from "./memory-sink.js";
import { openChatTemplates, type ChatTemplates } from "./model-templates.js";
import { packExamples, type Packing } from "./packing.js";
import {
  contentNumber,
  namesOf,
  readRecords,
  selectionOf,
  SourceCounts,
  SourceFormats,
  type DataInput,
  type DataRecord,
} from "./sources/index.js";
import { knownRoles, requireKnownRoles } from "./roles.js";
import type { TokenisedLine, TokenStoreOptions } from "./token-store-options.js";
import { openCachedTokens } from "./token-cache.js";
import {
  createTokenStore,
  fingerprintOf,
  type DataStatistics,
  type ExampleTokens,
  type StoreParts,
  type TokenStore,
} from "./token-store.js";
import type { TextTokenizer } from "./tokenizer.js";
import { tokensKey } from "./tokens-key.js";
import { WarningTally } from "./warning-tally.js";

/** Examples per tokenizer call: enough to keep its threads busy, few enough to hold in memory. */
const batchSize = 256;

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

/** A line that is to be tokenised. */
type Line = LocatedExample & Pick<TokenisedLine, "source" | "contentNumber" | "isRepeated">;

/** What is found out about lines while they are encoded, by their places. */
interface EncodingFindings {
  /** Conversations that can't be rendered. */
  readonly failed: Map<string, unknown>;
  readonly emptyAnswers: Set<string>;
}

interface Collected {
  readonly counts: SourceCounts;
  /** Lines that were not skipped, each counted once, whatever the weight of its source. */
  readonly lines: number;
}

/** Reads and tokenises everything into the collector. */
async function collect(
  options: TokenStoreOptions,
  encode: Encoder,
  { failed, emptyAnswers }: EncodingFindings,
  templates: ChatTemplates | null,
  into: Collector,
  warnings: WarningTally,
  bad: BadExamples,
): Promise<Collected> {
  const { source, data, tokenizer, observer } = options;
  const formats = new SourceFormats(source, data.format, {
    chat: templates !== null,
    vocabSize: tokenizer.modelVocabSize,
  });
  const roles = knownRoles(...(templates === null ? [] : [templates.plain.source, templates.tools.source]));
  let batch: Line[] = [];
  let cost = 0;
  let lines = 0;
  const counts = new SourceCounts(selectionOf(source));
  const skip = (line: Pick<DataRecord, "where" | "source" | "isRepeated">, error: unknown): void => {
    bad.skip(line.where, error, line.isRepeated);
    if (line.isRepeated !== true) observer?.onSkipped(line.source);
  };
  const add = (parts: readonly LabelledTokens[], line: Line): void => {
    const { where, isRepeated, contentNumber: content } = line;
    try {
      if (failed.has(where)) throw failed.get(where);
      const examples = into.add(parts, where);
      if (!isRepeated) lines++;
      const hasEmptyAnswer = emptyAnswers.has(where);
      observer?.onLine({ where, source: line.source, contentNumber: content, isRepeated, hasEmptyAnswer, examples });
    } catch (error) {
      skip(line, error);
    }
  };
  const flush = async (): Promise<void> => {
    const encoded = await encode(batch);
    for (const [index, line] of batch.entries()) {
      add(encoded[index] ?? [], line);
      counts.add(line.source, into.totals);
    }
    batch = [];
    cost = 0;
    failed.clear();
    emptyAnswers.clear();
    bad.settle();
    options.onProgress?.(into.records + bad.count);
  };
  const onBadLine = (where: string, error: unknown, place: number): void => {
    bad.reading(where);
    skip({ where, source: place }, error);
  };
  const { onWarning: onNote, datasets } = options;
  const onRead = (): void => options.onProgress?.(into.records + bad.count);
  for await (const record of readRecords(source, { onBadLine, onRead, onNote, datasets })) {
    if (batch.length >= batchSize || bad.unsettled >= batchSize || cost >= maxBatchCost) await flush();
    const { value, where, repeatedKey, isRepeated = false } = record;
    bad.reading(where);
    let read;
    try {
      read = exampleOf(record, formats, roles, tokenizer);
    } catch (error) {
      skip(record, error);
      continue;
    }
    const { example, format } = read;
    needsTemplate(example, where, templates);
    if (repeatedKey !== undefined) warnings.count("repeated_key", `${where}, ${repeatedKey}`);
    const spoilt = replacementCharacterIn(example);
    if (spoilt !== undefined) warnings.count("replacement_character", `${where}, ${spoilt}`);
    warnings.countUnread(unreadKeys(format, value), where);
    const content = observer === undefined && options.onExample === undefined ? 0 : contentNumber(value);
    options.onExample?.(content, where);
    batch.push({ example, where, source: record.source, contentNumber: content, isRepeated });
    cost += costOf(example);
  }
  await flush();
  return { counts, lines };
}

/** @throws CoxswainError "data" if it is bad; "model" if it needs a tokenizer, and there is none */
function exampleOf(
  record: DataRecord,
  formats: SourceFormats,
  roles: ReturnType<typeof knownRoles>,
  { absence }: TextTokenizer,
): { readonly example: Example; readonly format: DataFormat } {
  const { format, read } = formats.of(record);
  if (format !== "tokens" && absence !== undefined) throw absence;
  const example = read(record.value, record.where);
  if (example.kind === "chat") requireKnownRoles(example.messages, roles, record.where, example.promptMessages);
  return { example, format };
}

/** Renders conversations, and counts what there is to be said of them. */
interface Rendering {
  readonly templates: ChatTemplates | null;
  readonly warnings: WarningTally;
}

/** What was made of the data, beside the tokens. */
interface Facts {
  readonly statistics: Omit<DataStatistics, "rows">;
  /** Sentences for the user, in order. */
  readonly notes: readonly string[];
}

/** Reads, renders and tokenises everything into the sink. */
async function tokenise(
  options: TokenStoreOptions,
  { templates, warnings }: Rendering,
  sink: TokenSink,
): Promise<Facts> {
  const { source, data, tokenizer } = options;
  const bad = new BadExamples(data.on_bad_example ?? "error");
  const findings: EncodingFindings = { failed: new Map(), emptyAnswers: new Set() };
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
    onIgnored: ({ kind, detail }, where) => {
      warnings.count(kind, detail === null ? where : `${where}, ${detail}`);
      if (kind === "empty_answer") findings.emptyAnswers.add(where);
    },
    onMissingEos: (where) => warnings.count("missing_eos", where),
    onOtherPrompt: (where) => warnings.count("other_prompt", where),
    onBadExample: (where, error) => findings.failed.set(where, error),
  });
  const notes: string[] = [];
  const collected = new Collector(sink, data.max_length, tokenizer, warnings);
  const onNote = (text: string): number => notes.push(text);
  const told = { ...options, onWarning: onNote };
  const { counts, lines } = await collect(told, encode, findings, templates, collected, warnings, bad);
  const sources = counts.finish();
  bad.requireSome(collected.records);
  const { records, examples, tokens, supervised, truncated, dropped, split } = collected;
  if (dropped === examples) throw nothingLeft(source, data.max_length);
  const skipped = bad.note(lines);
  if (skipped !== null) notes.push(skipped);
  warnings.report({ records, examples }, data.max_length, onNote);
  const statistics = {
    examples,
    tokens,
    supervisedTokens: supervised,
    truncated,
    dropped: { nothing_supervised_after_cut: dropped },
    ...(bad.count === 0 ? {} : { skipped: { count: bad.count, first: bad.listed } }),
    ...(split.conversations === 0 ? {} : { split: { ...split } }),
    ...(sources === undefined ? {} : { sources }),
  };
  return { statistics, notes };
}

/**
 * Tokenises a data set.
 * @throws CoxswainError "data" naming file and line: not JSON, not the format's structure, a template that fails, a
 * token outside the model's vocabulary, an example without supervised tokens (unless these are skipped); or naming the
 * source: no examples, or all of them longer than `max_length` without supervised tokens within it
 */
export async function buildTokenStore(options: TokenStoreOptions): Promise<TokenStore> {
  const { data, tokenizer, cacheDir, onWarning, now = () => new Date() } = options;
  const warnings = new WarningTally();
  const clock = (): Date => {
    warnings.count("dated", "");
    return now();
  };
  const { chat_template: override, chat_template_kwargs: kwargs } = data;
  const templates = await openChatTemplates(tokenizer, { override, kwargs, now: clock });
  const rendering = { templates, warnings };
  const key = cacheDir === undefined ? undefined : await tokensKey(options, templates, cacheDir);
  const { tokens, facts, packing, fingerprint } =
    cacheDir === undefined || key === undefined
      ? await inMemory(options, rendering)
      : await inCache(options, rendering, { cacheDir, key });
  for (const note of facts.notes) onWarning?.(note);
  const rows = packing === null ? tokens.lengths.length : packing.rowStarts.length - 1;
  const statistics = { ...facts.statistics, rows };
  return createTokenStore({ tokens, packing, statistics, fingerprint });
}

const packingOf = ({ data }: TokenStoreOptions, { lengths }: ExampleTokens): Packing | null =>
  data.packing ? packExamples(lengths, data.max_length) : null;

interface Tokenised extends Omit<StoreParts, "statistics"> {
  readonly facts: Facts;
}

async function inMemory(options: TokenStoreOptions, rendering: Rendering): Promise<Tokenised> {
  const sink = new MemorySink();
  const facts = await tokenise(options, rendering, sink);
  const tokens = sink.finish();
  const packing = packingOf(options, tokens);
  return { tokens, facts, packing, fingerprint: await fingerprintOf(tokens, packing) };
}

/** Facts as they are kept beside the tokens. */
interface KeptFacts extends Facts {
  readonly fingerprint: string;
  /** The content numbers of the examples, if somebody asked for them. */
  readonly contents: readonly number[];
}

async function inCache(
  options: TokenStoreOptions,
  rendering: Rendering,
  place: { readonly cacheDir: string; readonly key: object },
): Promise<Tokenised> {
  const { onExample, onWarning } = options;
  const { tokens, facts, folder, reused } = await openCachedTokens<KeptFacts>(
    { ...place, now: () => Date.now() },
    async (writer) => {
      const contents: number[] = [];
      const keep = onExample === undefined ? undefined : (content: number): number => contents.push(content);
      const made = await tokenise({ ...options, onExample: keep }, rendering, writer);
      const written = writer.finish();
      return { ...made, contents, fingerprint: await fingerprintOf(written, packingOf(options, written)) };
    },
  );
  if (reused) onWarning?.(`the tokens of an earlier start are used: ${folder}`);
  for (const content of facts.contents) onExample?.(content, "");
  return { tokens, facts, packing: packingOf(options, tokens), fingerprint: facts.fingerprint };
}
