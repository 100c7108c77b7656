/** Builds a token store from files: read, render, tokenise, truncate, pack, count; reports all errors in the data. */
import { CoxswainError } from "../errors.js";
import { BadExamples } from "./bad-examples.js";
import { costOf, maxBatchCost } from "./batch-cost.js";
import { Collector, type TokenSink } from "./collector.js";
import { createEncoder } from "./encode.js";
import type { Encoder, LocatedExample } from "./encoding.js";
import { replacementCharacterIn, unreadKeys, type Example } from "./formats/index.js";
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
} from "./sources/index.js";
import { knownRoles, requireKnownRoles } from "./roles.js";
import type { TokenStoreOptions } from "./token-store-options.js";
import { openCachedTokens } from "./token-cache.js";
import {
  createTokenStore,
  fingerprintOf,
  type DataStatistics,
  type ExampleTokens,
  type StoreParts,
  type TokenStore,
} from "./token-store.js";
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
    options.onExample?.(contentNumber(value), where);
    batch.push({ example, where, source: record.source });
    cost += costOf(example);
  }
  await flush();
  return counts;
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
  const notes: string[] = [];
  const collected = new Collector(sink, data.max_length, tokenizer, warnings);
  const onNote = (text: string): number => notes.push(text);
  const sources = (
    await collect({ ...options, onWarning: onNote }, encode, templates, collected, warnings, bad)
  ).finish();
  bad.requireSome(collected.records);
  const { records, examples, tokens, supervised, truncated, dropped, split } = collected;
  if (dropped === examples) throw nothingLeft(source, data.max_length);
  const skipped = bad.note(records);
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
