/** Tokenises lines: reads each as an example of its format, renders and encodes it. Knows neither files nor rows. */
import { CoxswainError } from "../../errors.js";
import { costOf, maxBatchCost } from "../batch-cost.js";
import { controlTokenFinder } from "../control-tokens.js";
import { createEncoder } from "../encode.js";
import type { Encoder, LabelledTokens, LocatedExample } from "../encoding.js";
import {
  exampleReader,
  missingValueIn,
  replacementCharacterIn,
  unreadKeys,
  type DataFormat,
  type Example,
  type UnreadKeys,
} from "../formats/index.js";
import { openChatTemplates, type ChatTemplates } from "../model-templates.js";
import { knownRoles, requireKnownRoles } from "../roles.js";
import { contentNumber } from "../sources/index.js";
import type { TextTokenizer } from "../tokenizer.js";
import type { Findings, WarningKind } from "./findings.js";
import type { LineTokeniser, ReadLine, RefusedLine, TokenisedLine, TokeniseSettings } from "./line.js";

/** What is found out about one batch of lines. */
class Log implements Findings {
  readonly warnings: [WarningKind, string][] = [];
  readonly unread: (UnreadKeys & { readonly where: string })[] = [];
  /** Why lines can't be rendered, by their places. */
  readonly failed = new Map<string, CoxswainError>();
  readonly emptyAnswers = new Set<string>();

  count(kind: WarningKind, where: string, detail?: string): void {
    this.warnings.push([kind, detail === undefined ? where : `${where}, ${detail}`]);
  }
}

/** @throws the error if it does not concern one line only */
function badExample(error: unknown): CoxswainError {
  if (error instanceof CoxswainError && error.code === "data") return error;
  throw error;
}

function encoderFor(
  tokenizer: TextTokenizer,
  templates: ChatTemplates | null,
  { assistantOnlyLoss, completionOnlyLoss, turns }: TokeniseSettings,
  log: Log,
): Encoder {
  return createEncoder({
    tokenizer,
    templates,
    assistantOnlyLoss,
    completionOnlyLoss,
    turns,
    onSplitBoundary: (where) => log.count("split_boundary", where),
    onSplitPrompt: (where) => log.count("split_prompt", where),
    onJoinedStart: (where) => log.count("joined_start", where),
    onIgnored: ({ kind, detail }, where) => {
      log.count(kind, where, detail ?? undefined);
      if (kind === "empty_answer") log.emptyAnswers.add(where);
    },
    onMissingEos: (where) => log.count("missing_eos", where),
    onOtherPrompt: (where) => log.count("other_prompt", where),
    onBadExample: (where, error) => log.failed.set(where, badExample(error)),
  });
}

function needsTemplate(example: Example, where: string, templates: ChatTemplates | null): void {
  if (example.kind !== "chat" || templates !== null) return;
  throw new CoxswainError("data", `${where}: the example is a conversation, but the model has no chat template`, {
    hint: "Set data.chat_template (Jinja text or a file), or use a chat model.",
  });
}

/** Texts of an example that the tokenizer sees are limited, so that long conversations fit in memory. */
async function encodeInParts(
  encode: Encoder,
  examples: readonly LocatedExample[],
): Promise<(readonly LabelledTokens[])[]> {
  const encoded: (readonly LabelledTokens[])[] = [];
  let part: LocatedExample[] = [];
  let cost = 0;
  for (const one of examples) {
    part.push(one);
    cost += costOf(one.example);
    if (cost < maxBatchCost) continue;
    encoded.push(...(await encode(part)));
    [part, cost] = [[], 0];
  }
  return [...encoded, ...(await encode(part))];
}

export async function openLineTokeniser(tokenizer: TextTokenizer, settings: TokeniseSettings): Promise<LineTokeniser> {
  const { template, templateKwargs: kwargs, date, contents } = settings;
  let isDated = false;
  const now = (): Date => {
    isDated = true;
    return new Date(date);
  };
  const templates = await openChatTemplates(tokenizer, { override: template, kwargs, now });
  const roles = knownRoles(...(templates === null ? [] : [templates.plain.source, templates.tools.source]));
  const findControlToken = controlTokenFinder(tokenizer.controlTokens);
  const formatOptions = { chat: templates !== null, vocabSize: tokenizer.modelVocabSize };
  const readers = new Map<DataFormat, ReturnType<typeof exampleReader>>();
  const readerOf = (format: DataFormat): ReturnType<typeof exampleReader> => {
    const known = readers.get(format) ?? exampleReader(format, formatOptions);
    readers.set(format, known);
    return known;
  };
  const read = (line: ReadLine, log: Log): Example => {
    const { value, where, format, repeatedKey } = line;
    if (format !== "tokens" && tokenizer.absence !== undefined) throw tokenizer.absence;
    const example = readerOf(format)(value, where);
    if (example.kind === "chat") {
      requireKnownRoles(example.messages, roles, where, example.promptMessages);
      const token = findControlToken(example.messages);
      if (token !== null) log.count("control_token", where, JSON.stringify(token));
    }
    if (repeatedKey !== undefined) log.count("repeated_key", where, repeatedKey);
    const spoilt = replacementCharacterIn(example);
    if (spoilt !== undefined) log.count("replacement_character", where, spoilt);
    const missing = missingValueIn(example, where);
    if (missing !== undefined) log.count("missing_value", where, JSON.stringify(missing));
    const unread = unreadKeys(format, value);
    if (unread.meaningful.length + unread.others.length > 0) log.unread.push({ ...unread, where });
    return example;
  };
  return async (lines) => {
    const log = new Log();
    const results: (TokenisedLine | RefusedLine)[] = [];
    const examples: (LocatedExample & { readonly index: number })[] = [];
    for (const [index, line] of lines.entries()) {
      const { where } = line;
      try {
        examples.push({ example: read(line, log), where, index });
      } catch (error) {
        results[index] = { error: badExample(error) };
      }
      const example = examples.at(-1);
      if (example?.index === index) needsTemplate(example.example, where, templates);
    }
    const encoded = await encodeInParts(encoderFor(tokenizer, templates, settings, log), examples);
    for (const [at, { index, where }] of examples.entries()) {
      const error = log.failed.get(where);
      const hasEmptyAnswer = log.emptyAnswers.has(where);
      const content = contents ? contentNumber(lines[index]?.value) : 0;
      results[index] =
        error === undefined ? { parts: encoded[at] ?? [], hasEmptyAnswer, contentNumber: content } : { error };
    }
    if (isDated) log.count("dated", "");
    return { results, findings: { warnings: log.warnings, unread: log.unread } };
  };
}
