/** Without this, a model learns from text that it will never be given, or from its user's words. */
import { describe, expect, it } from "vitest";
import { ChatTemplate, IGNORE, openChatTemplates, openTokenizer } from "../../../src/data/index.js";
import { createEncoder } from "../../../src/data/encode.js";
import type { TrainingText, ChatMessage } from "../../../src/data/index.js";
import { strftime } from "../../../src/data/strftime.js";
import { expectError } from "./matchers.js";
import { inRepository, readJson, smolFolder, smolSkip, tinyModel } from "./support.js";

interface GoldenCase {
  readonly template: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[] | null;
  readonly text: string;
  readonly prompt: string;
  readonly input_ids: readonly number[];
  readonly labels?: readonly number[];
}
interface TinyGolden {
  readonly templates: Readonly<Record<string, string | null>>;
  readonly cases: readonly GoldenCase[];
  readonly strftime: { readonly date: readonly number[]; readonly formats: Readonly<Record<string, string>> };
}
interface SmolCase {
  readonly messages: readonly ChatMessage[];
  readonly chat_template: string | null;
  readonly input_ids: readonly number[];
  readonly labels?: readonly number[];
}

const golden = readJson(inRepository("tests/golden/text/chat-tiny.json")) as TinyGolden;
const tiny = await openTokenizer(tinyModel);

async function encodeChat(
  folder: string,
  override: string | null,
  conversation: { messages: readonly ChatMessage[]; tools: readonly unknown[] | null },
  assistantOnlyLoss: boolean,
): Promise<{ ids: number[]; labels: number[] }> {
  const tokenizer = await openTokenizer(folder);
  const templates = await openChatTemplates(tokenizer, { override });
  const encode = createEncoder({ tokenizer, templates, assistantOnlyLoss, completionOnlyLoss: true, turns: "all" });
  const whole = { promptMessages: 0, context: new Set<number>(), templateKwargs: null };
  const [[tokens] = []] = await encode([{ example: { kind: "chat", ...whole, ...conversation }, where: "x:1" }]);
  return { ids: Array.from(tokens!.ids), labels: Array.from(tokens!.labels) };
}

describe("the text and tokens are those of transformers", () => {
  golden.cases.forEach((one, index) => {
    it(`case ${index + 1}: ${one.template}, ${one.messages.length} messages${one.tools ? ", tools" : ""}`, async () => {
      const override = golden.templates[one.template] ?? null;
      const templates = await openChatTemplates(tiny, { override });
      const template = templates!.plain;
      expect(template.render(one)).toBe(one.text);
      const first = { messages: one.messages.slice(0, 1), tools: one.tools };
      expect(template.render(first, { addGenerationPrompt: true })).toBe(one.prompt);
      const { ids, labels } = await encodeChat(tinyModel, override, one, one.labels !== undefined);
      expect(ids).toEqual(one.input_ids);
      expect(labels).toEqual(one.labels ?? one.input_ids);
    });
  });

  it.skipIf(smolFolder === undefined)(`SmolLM2's tokenizer and template${smolSkip}`, async () => {
    const cases = readJson(inRepository("tests/golden/text/chat.json")) as readonly SmolCase[];
    expect(cases).toHaveLength(6);
    for (const { messages, chat_template, input_ids, labels } of cases) {
      const only = labels !== undefined;
      const got = await encodeChat(smolFolder ?? "", chat_template, { messages, tools: null }, only);
      expect(got).toEqual({ ids: input_ids, labels: labels ?? input_ids });
    }
  });

  it.skipIf(smolFolder === undefined)(
    `rendering prefixes finds the spans that generation tags mark${smolSkip}`,
    async () => {
      // SmolLM2's own template has no tags; where it renders the same tokens, the golden labels must come out as well.
      const cases = readJson(inRepository("tests/golden/text/chat.json")) as readonly SmolCase[];
      let compared = 0;
      for (const own of cases.filter((one) => one.chat_template === null)) {
        const tagged = cases.find((one) => one.labels && one.input_ids.join() === own.input_ids.join());
        if (tagged === undefined) continue;
        const got = await encodeChat(smolFolder ?? "", null, { messages: own.messages, tools: null }, true);
        expect(got.labels).toEqual(tagged.labels);
        compared++;
      }
      expect(compared).toBe(1);
    },
  );
});

describe("the assistant's text without generation tags", () => {
  const supervised = ({ ids, labels }: { ids: number[]; labels: number[] }): Promise<string> =>
    tiny.decode(ids.filter((_, index) => labels[index] !== IGNORE));

  it("is each answer with its end of turn, without headers", async () => {
    const messages = [
      { role: "user", content: "One?" },
      { role: "assistant", content: "Yes 🌈" },
      { role: "user", content: "Two?" },
      { role: "assistant", content: "No " },
    ];
    const got = await encodeChat(tinyModel, null, { messages, tools: null }, true);
    expect(await supervised(got)).toBe("Yes 🌈<|im_end|>No <|im_end|>");
  });

  it("includes tool calls and the answer after the tool, but not the tool's result", async () => {
    const one = golden.cases.find((c) => c.template === "tools" && c.messages.length === 6)!;
    const got = await encodeChat(tinyModel, golden.templates["tools"]!, one, true);
    const text = await supervised(got);
    expect(text).toMatch(/^\n\{"name": "set_light", "arguments": \{"room": "küche"/);
    expect(text).toMatch(/"on": false\}\}<\|im_end\|>Done\.<\|im_end\|>$/);
    expect(text).not.toContain("tool_response");
  });

  const template = (source: string): ChatTemplate =>
    new ChatTemplate(source, { specialTokens: {}, controlTokens: new Set(), origin: "the test" });
  const chat = (...roles: string[]) => ({
    messages: roles.map((role, index) => ({ role, content: `c${index}` })),
    tools: null,
  });

  it("is refused with the turn and the reason if the template can't render the prompt", () => {
    const strict = template(
      "{% if messages[-1].role != 'assistant' %}{{ raise_exception('must end with assistant') }}{% endif %}" +
        "{% for m in messages %}{{ m.content }}{% endfor %}",
    );
    expectError(
      () => strict.trainingTexts(chat("user", "assistant"), { where: "a.jsonl:2" }),
      "data",
      /^a\.jsonl:2: .*the test .*message 2 \(assistant\).*the template raised: must end with assistant/,
      /"weight": 0/,
    );
  });

  it("excludes assistant turns in the prompt", () => {
    const chatml = template(
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
    );
    const conversation = chat("user", "assistant", "user", "assistant");
    const [{ text, spans }] = chatml.trainingTexts(conversation, { from: 2 }).texts as [TrainingText];
    expect(spans!.map(({ start, end }) => text.slice(start, end))).toEqual(["c3"]);
  });
});

describe("generation tags", () => {
  const options = { specialTokens: {}, controlTokens: new Set<string>(), origin: "the test" };

  it("never confuse a private-use character of the text with a marker", () => {
    const template = new ChatTemplate(
      "\ue0f0{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}.{% endfor %}",
      options,
    );
    const messages = [{ role: "assistant", content: "\ue0f1 and \ue0f2" }];
    const [{ text, spans }] = template.trainingTexts({ messages, tools: null }).texts as [TrainingText];
    expect(text).toBe("\ue0f0\ue0f1 and \ue0f2.");
    expect(spans).toEqual([{ start: 1, end: 8 }]);
  });

  it("are rejected when the template is opened if they don't pair up", () => {
    expectError(() => new ChatTemplate("{% generation %}x", options), "data", /the test.*endgeneration/);
    expectError(() => new ChatTemplate("x{% endgeneration %}", options), "data", /unknown tag .endgeneration/);
  });
});

describe("a template that fails", () => {
  it("is reported with the line of the data and what it raised", () => {
    const template = new ChatTemplate(golden.templates["instructions"]!, {
      specialTokens: { eos_token: "</s>" },
      controlTokens: new Set(),
      origin: "some-model",
    });
    const conversation = { messages: [{ role: "system", content: "no" }], tools: null };
    expectError(
      () => template.render(conversation, { where: "chat.jsonl:9" }),
      "data",
      /^chat\.jsonl:9: the chat template of some-model refuses message 1 \(system\): Only user and assistant.*not system/,
      /rule of the template.*first user message.*data\.chat_template/,
    );
  });

  it("is rejected if it is not Jinja", () => {
    const open = () => new ChatTemplate("{% for %}", { specialTokens: {}, controlTokens: new Set(), origin: "m" });
    expectError(open, "data", /the chat template of m is not valid/);
  });
});

describe("the date in a template", () => {
  const [year, month, day, hour, minute, second] = golden.strftime.date as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(year, month - 1, day, hour, minute, second);

  it.each(Object.entries(golden.strftime.formats))("%s equals Python's output", (format, expected) => {
    expect(strftime(date, format)).toBe(expected);
  });

  it("comes from the given clock", () => {
    const template = new ChatTemplate("{{ strftime_now('%d %b %Y') }}", {
      specialTokens: {},
      controlTokens: new Set(),
      origin: "m",
      now: () => date,
    });
    expect(template.render({ messages: [], tools: null })).toBe("05 Mar 2024");
  });

  it("is rejected in a format that it does not know", () => {
    expect(() => strftime(date, "%Q")).toThrow(/"%Q" is not supported/);
  });
});
