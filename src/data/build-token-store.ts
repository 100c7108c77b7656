/** Builds a token store from files: read, render, tokenise, truncate, pack, count; reports all errors in the data. */
import { CoxswainError } from "../errors.js";
import { hostLimits } from "../host/index.js";
import { BadExamples } from "./bad-examples.js";
import { collect } from "./collect.js";
import { Collector, type TokenSink } from "./collector.js";
import { dataBytes, isLarge } from "./data-size.js";
import { MemorySink } from "./memory-sink.js";
import { openChatTemplates, overrideText, type ChatTemplates } from "./model-templates.js";
import { packExamples, type Packing } from "./packing.js";
import { namesOf, selectionOf, type DataInput } from "./sources/index.js";
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
import { withLineTokeniser, type TokeniseSettings } from "./tokenise/index.js";
import { tokensKey } from "./tokens-key.js";
import { WarningTally } from "./warning-tally.js";

function nothingLeft(source: DataInput, maxLength: number): CoxswainError {
  const name = namesOf(selectionOf(source));
  const message = `${name}: every example is longer than data.max_length (${maxLength}) and has no supervised token within it`;
  return new CoxswainError("data", message, { hint: "Raise data.max_length, or shorten the prompts." });
}

/** How the data are tokenised. */
interface Means {
  readonly templates: ChatTemplates | null;
  /** Threads beside this one; 0: in this one. */
  readonly threads: number;
}

/** What was made of the data, beside the tokens. */
interface Facts {
  readonly statistics: Omit<DataStatistics, "rows">;
  /** Sentences for the user, in order. */
  readonly notes: readonly string[];
}

/** Reads, renders and tokenises everything into the sink. */
async function tokenise(options: TokenStoreOptions, { templates, threads }: Means, sink: TokenSink): Promise<Facts> {
  const { source, data, tokenizer } = options;
  const bad = new BadExamples(data.on_bad_example ?? "error");
  const warnings = new WarningTally();
  const notes: string[] = [];
  const collected = new Collector(sink, data.max_length, tokenizer, warnings);
  const onNote = (text: string): void => {
    notes.push(text);
  };
  const formatOptions = { chat: templates !== null, vocabSize: tokenizer.modelVocabSize };
  const settings = await settingsOf(options);
  const { counts, lines } = await withLineTokeniser({ tokenizer, settings, threads }, (tokeniser) =>
    collect(
      { ...options, ...tokeniser, format: data.format, formatOptions, onNote },
      { into: collected, warnings, bad },
    ),
  );
  const sources = counts.finish();
  bad.requireSome(collected.records, selectionOf(source).side);
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

async function settingsOf({
  data,
  onExample,
  observer,
  now = () => new Date(),
}: TokenStoreOptions): Promise<TokeniseSettings> {
  const { chat_template: override } = data;
  return {
    assistantOnlyLoss: data.assistant_only_loss,
    completionOnlyLoss: data.completion_only_loss,
    turns: data.turns,
    template: override === null ? null : await overrideText(override),
    templateKwargs: data.chat_template_kwargs,
    date: now().getTime(),
    contents: onExample !== undefined || observer !== undefined,
  };
}

/** Each holds a tokenizer of its own and its results: two made a process of 0.6 GB, so that four stay below 1 GB. */
const mostThreads = 4;

/** Memory of the machine or container for each thread, bytes: vocabularies of a quarter million tokens need more. */
const memoryPerThread = 512 * 2 ** 20;

function threadsOf({ threads, tokenizer }: TokenStoreOptions, bytes: number): number {
  if (tokenizer.absence !== undefined) return 0;
  if (threads !== undefined) return threads;
  const { cores, memory } = hostLimits();
  const most = Math.min(cores, mostThreads, Math.floor(memory / memoryPerThread));
  return most < 2 || !isLarge(bytes) ? 0 : most;
}

/**
 * Tokenises a data set.
 * @throws CoxswainError "data" naming file and line: not JSON, not the format's structure, a template that fails, a
 * token outside the model's vocabulary, an example without supervised tokens (unless these are skipped); or naming the
 * source: no examples, or all of them longer than `max_length` without supervised tokens within it
 */
export async function buildTokenStore(options: TokenStoreOptions): Promise<TokenStore> {
  const { source, data, tokenizer, cacheDir, onWarning, datasets } = options;
  const { chat_template: override, chat_template_kwargs: kwargs } = data;
  const templates = await openChatTemplates(tokenizer, { override, kwargs });
  const bytes = await dataBytes(source, datasets);
  const means = { templates, threads: threadsOf(options, bytes) };
  const key = cacheDir === undefined || !isLarge(bytes) ? undefined : await tokensKey(options, templates, cacheDir);
  const { tokens, facts, packing, fingerprint } =
    cacheDir === undefined || key === undefined
      ? await inMemory(options, means)
      : await inCache(options, means, { cacheDir, key });
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

async function inMemory(options: TokenStoreOptions, means: Means): Promise<Tokenised> {
  const sink = new MemorySink();
  const facts = await tokenise(options, means, sink);
  const tokens = sink.finish();
  const packing = packingOf(options, tokens);
  return { tokens, facts, packing, fingerprint: await fingerprintOf(tokens, packing) };
}

/** Facts as they are kept beside the tokens. */
interface KeptFacts extends Facts {
  readonly fingerprint: string;
  /** Where the content numbers of the examples that are held out end; null: all are used, or a share of them. */
  readonly threshold: number | null;
  /** The content numbers of the examples, if somebody asked for them. */
  readonly contents: readonly number[];
}

async function inCache(
  options: TokenStoreOptions,
  means: Means,
  place: { readonly cacheDir: string; readonly key: object },
): Promise<Tokenised> {
  const { onExample, onWarning } = options;
  const split = selectionOf(options.source).side?.split;
  const { tokens, facts, folder, reused } = await openCachedTokens<KeptFacts>(
    { ...place, now: () => Date.now() },
    async (writer) => {
      const contents: number[] = [];
      const keep = onExample === undefined ? undefined : (content: number): number => contents.push(content);
      const made = await tokenise({ ...options, onExample: keep }, means, writer);
      const written = writer.finish();
      const threshold = (await split?.known) ?? null;
      return { ...made, contents, threshold, fingerprint: await fingerprintOf(written, packingOf(options, written)) };
    },
  );
  if (reused) onWarning?.(`the tokens of an earlier start are used: ${folder}`);
  // Who reads the data again has the same split.
  const { threshold } = facts;
  if (threshold !== null) await split?.threshold(() => Promise.resolve(threshold));
  for (const content of facts.contents) onExample?.(content, "");
  return { tokens, facts, packing: packingOf(options, tokens), fingerprint: facts.fingerprint };
}
