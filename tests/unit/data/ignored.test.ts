/** Without this, what a chat template leaves out of the data is neither seen nor learnt, and nobody is told. */
import { describe, expect, it } from "vitest";
import { buildLines } from "./stores.js";

const user = { role: "user", content: "what is the weather" };
const tool = { type: "function", function: { name: "weather", parameters: {} } };
const call = { type: "function", function: { name: "weather", arguments: { town: "Bonn" } } };
const answer = { role: "assistant", content: "it rains" };

/** Writes tools, calls, names and reasoning. */
const complete =
  "{% for t in tools or [] %}{{ t | tojson }}\n{% endfor %}" +
  "{% for m in messages %}{{ m.role }}{{ m.name or '' }}\n{{ m.reasoning_content or '' }}{{ m.content or '' }}" +
  "{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}assistant\n{% endif %}";
/** Renders the same two roles, and nothing of anybody else. */
const partial =
  "{% for m in messages %}{% if m.role in ['user', 'assistant'] %}{{ m.role }}\n{{ m.content or '' }}<|im_end|>\n" +
  "{% endif %}{% endfor %}{% if add_generation_prompt %}assistant\n{% endif %}";

async function warningsOf(lines: readonly unknown[], chat_template: string, settings = {}): Promise<string[]> {
  const warnings: string[] = [];
  await buildLines(lines, { chat_template, ...settings }, warnings);
  return warnings;
}

const good = { messages: [user, answer] };
const counted = (what: string, detail = "") =>
  expect.stringMatching(
    new RegExp(`^1 of 2 examples \\(first: \\S+train\\.jsonl:2${detail}\\) have ${what}`),
  ) as unknown;

describe("content that a chat template omits is counted and reported once, with its first location", () => {
  it.each([
    ["tools", { messages: [user, answer], tools: [tool] }, [counted("tools that the chat template omits")]],
    [
      "tool calls beside a text",
      { messages: [user, { ...answer, tool_calls: [call] }] },
      [counted("tool_calls that the chat template omits")],
    ],
    [
      "tool calls that are the whole answer",
      { messages: [user, { role: "assistant", content: null, tool_calls: [call] }] },
      [counted("tool_calls that the chat template omits"), counted("an answer that renders to nothing")],
    ],
    [
      "a system message",
      { messages: [{ role: "system", content: "be brief" }, user, answer] },
      [counted("a message that the chat template omits", ", message 1, system")],
    ],
    [
      "reasoning",
      { messages: [user, { ...answer, reasoning_content: "look outside" }] },
      [counted("a key in a message that neither", ', "reasoning_content"')],
    ],
    [
      "functions, by their old name",
      { messages: [user, answer], functions: [tool.function] },
      [counted("tools that the chat template omits")],
    ],
    [
      "an empty answer",
      { messages: [user, { ...answer, content: "" }] },
      [counted("an answer that renders to nothing")],
    ],
    [
      "an answer of blanks",
      { messages: [user, { ...answer, content: " \n" }] },
      [counted("an answer that renders to nothing")],
    ],
    [
      "an answer of no parts",
      { messages: [user, { ...answer, content: [] }] },
      [counted("an answer that renders to nothing")],
    ],
    [
      "one empty answer of two",
      { messages: [user, { ...answer, content: "" }, user, answer] },
      [counted("an answer that renders to nothing")],
    ],
  ])("%s", async (_, line, warnings) => {
    expect(await warningsOf([good, line], partial)).toEqual(warnings);
  });

  it("also if the whole conversation is supervised", async () => {
    const line = { messages: [user, { ...answer, content: "" }], tools: [tool] };
    expect(await warningsOf([good, line], partial, { assistant_only_loss: false })).toEqual([
      counted("tools that the chat template omits"),
      counted("an answer that renders to nothing"),
    ]);
  });

  it("and answers without a token that ends them", async () => {
    const open = complete.replace("<|im_end|>", "");
    const told = expect.stringMatching(
      /^2 of 2 examples .* have an answer after which .* won't learn to stop/,
    ) as unknown;
    expect(await warningsOf([good, good], open)).toEqual([told]);
    // The token of the next role, which only an answer within the conversation has after it, is not learnt either.
    const marked = open
      .replace("{{ m.role }}", "<|im_start|>{{ m.role }}")
      .replace("assistant\n", "<|im_start|>assistant\n");
    expect(await warningsOf([good, { messages: [user, answer, user, answer] }], marked)).toEqual([told]);
    const learnt = complete.replace(
      "{{ m.content or '' }}",
      "{% generation %}{{ m.content or '' }}{% endgeneration %}",
    );
    expect(await warningsOf([good, good], learnt)).toEqual([told]);
    expect(await warningsOf([good, good], complete)).toEqual([]);
    expect(await warningsOf([good, good], open, { assistant_only_loss: false })).toEqual([]);
  });

  it("and an empty completion", async () => {
    const lines = [
      { prompt: "a b", completion: " c" },
      { prompt: "a b", completion: "" },
    ];
    expect(await warningsOf(lines, partial)).toEqual([counted("an answer that renders to nothing")]);
  });

  it("an alpaca line's system message", async () => {
    const line = { instruction: "a", output: "b" };
    expect(await warningsOf([line, { ...line, system: "be brief" }], partial)).toEqual([
      counted("a message that the chat template omits", ", message 1, system"),
    ]);
  });
});

describe("a key that the format ignores is reported once, with its count", () => {
  it.each<[string, unknown, string]>([
    ["text", { text: "a", title: "b" }, '"title" (2 of 3 examples)'],
    ["alpaca", { instruction: "a", output: "b", context: "c" }, '"context" (2 of 3 examples)'],
    ["prompt and completion", { prompt: "a", completion: " b", answer: "c" }, '"answer" (2 of 3 examples)'],
    ["messages", { messages: [user, answer], chosen: [answer] }, '"chosen" (2 of 3 examples)'],
    ["tokens", { input_ids: [3, 4], attention_mask: [1, 1], token_type_ids: [0, 0] }, '"token_type_ids" (2 of 3'],
    ["a key like an index", { text: "a", 7: "b" }, '"7" (2 of 3 examples)'],
  ])("%s", async (_, line, told) => {
    const plain = Object.fromEntries(
      Object.entries(line as object).filter(([key]) => !told.startsWith(JSON.stringify(key))),
    );
    const [warning, ...others] = await warningsOf([line, plain, line], complete);
    expect(warning).toContain(`Keys that this format ignores: ${told}`);
    expect(others).toEqual([]);
  });

  it("and keys beyond the eighth are counted", async () => {
    const keys = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`k${index}`, 1]));
    expect(await warningsOf([{ text: "a", ...keys }], complete)).toEqual([
      expect.stringMatching(/"k7" \(1 of 1 examples\) and 2 others\.$/),
    ]);
  });
});

it("gives no warning for a complete template, or for empty and bookkeeping keys", async () => {
  const line = {
    messages: [
      { role: "system", content: " be brief " },
      { ...user, name: "Ann" },
      { role: "assistant", content: null, tool_calls: [call], reasoning: "look", refusal: null, annotations: [] },
      { role: "tool", content: '{"sky":"grey"}', tool_call_id: "1" },
      answer,
    ],
    tools: [tool],
    id: 3,
    source: "made up",
  };
  expect(await warningsOf([line, good], complete)).toEqual([]);
});
