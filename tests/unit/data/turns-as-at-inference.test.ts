/** Without this, a turn of a conversation that nobody thought of starts or ends at the wrong place. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatMessage, ChatTemplate, Conversation, TrainingText } from "../../../src/data/index.js";
import { stockTemplate, stockTemplateNames, stockTemplatesAreThere, withStockTemplates } from "./stock-templates.js";

const pieces = ["a", "B", " ", "\n", "<", "</think>", "<think>", "🌈", "é", "4", "{", '"', "<|", "|>", "[x]", "\t"];
const text = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => parts.join(""));
const said = text.map((content) => `${content}.`);
const thought = fc.option(said, { nil: undefined });

const message = (role: string, content: string, reasoning?: string): ChatMessage => ({
  role,
  content,
  ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
});

const call = fc.tuple(said, thought).map(([city, reasoning]): readonly ChatMessage[] => [
  {
    ...message("assistant", "", reasoning),
    tool_calls: [{ type: "function", function: { name: "weather", arguments: { city } } }],
  },
  { role: "tool", name: "weather", content: city },
]);

/** A question, perhaps calls of tools with their results, and an answer. */
const exchange = (calls: number): fc.Arbitrary<readonly ChatMessage[]> =>
  fc
    .tuple(said, fc.array(call, { maxLength: calls }), said, thought)
    .map(([question, calls, answer, reasoning]) => [
      message("user", question),
      ...calls.flat(),
      message("assistant", answer, reasoning),
    ]);

const tools = [
  { type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: {} } } } },
];

/** Without system message and tools, which some templates refuse. */
const plain = fc
  .array(exchange(0), { minLength: 1, maxLength: 4 })
  .map((exchanges): Conversation => ({ messages: exchanges.flat(), tools: null }));

const full = fc
  .tuple(fc.option(said, { nil: undefined }), fc.array(exchange(2), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([system, exchanges, withTools]): Conversation => ({
    messages: [...(system === undefined ? [] : [message("system", system)]), ...exchanges.flat()],
    tools: withTools ? tools : null,
  }));

/** The text, or null where the template raises. */
function rendered(template: ChatTemplate, { messages, tools: own }: Conversation, count: number, ask = false) {
  try {
    return template.render({ messages: messages.slice(0, count), tools: own }, { addGenerationPrompt: ask });
  } catch {
    return null;
  }
}

/** What a model is given for a turn, and what the template writes of it, without looking at anything else. */
function expectTurn(template: ChatTemplate, chat: Conversation, turn: number, own: TrainingText): void {
  const prompt = rendered(template, chat, turn, true)!;
  const upToTurn = rendered(template, chat, turn + 1)!;
  const { start, end } = own.spans![own.turns.indexOf(turn)]!;
  const before = own.text.slice(0, start);
  const answer = own.text.slice(start, end);
  // The turn ends where its rendering ends, but for white space after its end token.
  const written = upToTurn.lastIndexOf(answer);
  expect(written).toBeGreaterThanOrEqual(0);
  expect(upToTurn.slice(written + answer.length).trim()).toBe("");
  if (before === prompt) return;
  // The generation prompt is no prefix of the turn: both go on otherwise.
  expect(upToTurn.startsWith(prompt)).toBe(false);
  expect(upToTurn.startsWith(before)).toBe(true);
  expect(prompt.startsWith(before)).toBe(true);
  const shared = upToTurn.slice(0, start + 1);
  expect(prompt.startsWith(shared) && !upToTurn.slice(start).startsWith("<|")).toBe(false);
  // They do so after all earlier messages.
  expect(start).toBeGreaterThanOrEqual((rendered(template, chat, turn) ?? "").length);
}

describe("in generated conversations, each supervised span starts where a model continues and ends where it stops", () => {
  it.skipIf(!stockTemplatesAreThere).each(stockTemplateNames)(withStockTemplates("%s"), (name) => {
    const template = stockTemplate(name);
    let compared = 0;
    fc.assert(
      fc.property(fc.oneof(plain, full), (chat) => {
        if (rendered(template, chat, chat.messages.length) === null) return;
        const { texts, turns } = template.trainingTexts(chat);
        expect(texts.flatMap((own) => own.turns)).toEqual(turns);
        expect(turns).toEqual(chat.messages.flatMap(({ role }, index) => (role === "assistant" ? [index] : [])));
        for (const own of texts) for (const turn of own.turns) expectTurn(template, chat, turn, own);
        compared += turns.length;
      }),
      { numRuns: 100 },
    );
    expect(compared).toBeGreaterThan(50);
  });
});
