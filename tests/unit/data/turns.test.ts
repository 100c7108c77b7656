/** Without this, turns are learnt in a context that is never asked for, or others than those that were chosen. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ChatTemplate, splitNote, type ChatMessage } from "../../../src/data/index.js";
import { costOf } from "../../../src/data/batch-cost.js";
import { createEncoder } from "../../../src/data/encode.js";
import type { LabelledTokens } from "../../../src/data/encoding.js";
import { expectError, expectRejection } from "./matchers.js";
import { stockConversations, stockTemplate, stockTemplatesAreThere, withStockTemplates } from "./stock-templates.js";
import { buildLines, rowsOf, supervisedText, tokenizer } from "./stores.js";
import { inRepository, readJson } from "./support.js";

interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[] | null;
}
interface TokensRow {
  readonly input_ids: readonly number[];
  readonly labels: readonly number[];
}
interface Golden {
  readonly own: Readonly<Record<"appends" | "rewrites", { template: string; rows: TokensRow[][] }>>;
  readonly stock: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}
const golden = readJson(inRepository("tests/golden/turns/expected.json")) as Golden;
const conversations = readJson(inRepository("tests/golden/turns/conversations.json")) as readonly Conversation[];
const { appends, rewrites } = golden.own;

const user = (content: string) => ({ role: "user", content });
const says = (content: string, more = {}) => ({ role: "assistant", content, ...more });

async function encode(template: ChatTemplate, { messages, tools = null }: Conversation) {
  const encoder = createEncoder({
    tokenizer,
    templates: { plain: template, tools: template },
    assistantOnlyLoss: true,
    completionOnlyLoss: true,
    turns: "all",
  });
  const whole = { promptMessages: 0, context: new Set<number>(), templateKwargs: null };
  const [rows = []] = await encoder([{ example: { kind: "chat", ...whole, messages, tools }, where: "x:1" }]);
  return rows;
}

const open = (source: string, kwargs = {}): ChatTemplate => {
  const { specialTokens, controlTokens } = tokenizer;
  return new ChatTemplate(source, { specialTokens, controlTokens, origin: "the test", kwargs });
};

function digest({ ids, labels }: LabelledTokens): string {
  const hash = createHash("sha256");
  for (const list of [ids, labels]) hash.update(new Uint8Array(list.buffer, list.byteOffset, list.byteLength));
  return hash.digest("hex").slice(0, 16);
}

describe("token ids and labels are those of transformers", () => {
  it.each([
    ["one row per conversation with a template that only appends", appends],
    ["one row per turn with a template that rewrites, shared where one continues the other", rewrites],
  ])("%s", async (_, { template, rows }) => {
    for (const [index, conversation] of conversations.entries()) {
      const got = await encode(open(template), conversation);
      expect(got.map(({ ids, labels }) => ({ input_ids: [...ids], labels: [...labels] }))).toEqual(rows[index]);
    }
  });

  it.skipIf(!stockTemplatesAreThere).each(Object.keys(golden.stock))(withStockTemplates("%s"), async (name) => {
    for (const [conversation, expected] of Object.entries(golden.stock[name]!)) {
      const rows = await encode(stockTemplate(name, tokenizer.specialTokens), stockConversations[conversation]!);
      expect(rows.map(digest), conversation).toEqual(expected);
    }
  });
});

describe("a conversation whose earlier turns are rewritten", () => {
  const [first] = conversations as [Conversation];
  const chat = { messages: first.messages };

  it("becomes examples that say what they cost, and which turn they are", async () => {
    const warnings: string[] = [];
    const settings = { chat_template: rewrites.template, max_length: 40 };
    const store = await buildLines([chat, { messages: [user("a"), says("b")] }], settings, warnings);
    const { examples, split, dropped } = store.statistics;
    const [one, two, three] = rewrites.rows[0]!.map(({ input_ids: ids }) => ids.length) as [number, number, number];
    expect({ examples, dropped }).toEqual({ examples: 4, dropped: { nothing_supervised_after_cut: 2 } });
    expect(two).toBeGreaterThan(40);
    expect(three).toBeGreaterThan(40);
    expect(split).toEqual({ conversations: 1, examples: 3, extraTokens: one + 40 });
    expect(splitNote(store.statistics)).toMatch(/^1 conversation became 3 examples, with \d+ extra tokens: the chat/);
    expect(warnings).toContainEqual(
      expect.stringMatching(/^2 of 4 examples \(first: \S+train\.jsonl:1, message 4\) have no supervised token within/),
    );
  });

  it("counts as the text that it may become, so that a batch of them fits in memory", () => {
    const example = {
      kind: "chat" as const,
      tools: null,
      promptMessages: 0,
      context: new Set<number>(),
      templateKwargs: null,
    };
    const turns = [user("x".repeat(93)), says("y".repeat(79))];
    // Roles included; as often as there are answers.
    const messages = Array.from({ length: 10 }, () => turns).flat();
    expect(costOf({ ...example, messages })).toBe(10 * (93 + 4 + 79 + 9) * 10);
    expect(costOf({ ...example, messages: [user("abc")] })).toBe(7);
  });

  it("says nothing of that if nothing was split", async () => {
    const { statistics } = await buildLines([chat], { chat_template: appends.template });
    expect(statistics.split).toBeUndefined();
    expect(splitNote(statistics)).toBeNull();
  });

  it("supervises the last turn only with turns: last, with any template", async () => {
    for (const { template } of [appends, rewrites]) {
      const rows = rowsOf(await buildLines([chat], { chat_template: template, turns: "last" }));
      const texts = await Promise.all(rows.map(supervisedText));
      expect(texts).toEqual([expect.stringMatching(/^(\(\)\n)?You are welcome\.<\|(im_end|endoftext)\|>$/)]);
    }
  });

  it("trains a completion's turns likewise, and none of the prompt", async () => {
    const { messages } = chat;
    const line = { prompt: messages.slice(0, 3), completion: messages.slice(3) };
    const rows = rowsOf(await buildLines([line], { chat_template: rewrites.template }));
    expect(await Promise.all(rows.map(supervisedText))).toEqual([
      "(Another room.)\nThe bedroom, too.<|endoftext|>",
      "()\nYou are welcome.<|endoftext|>",
    ]);
  });

  it("keeps the prompt that a model gets where the turn itself changes the history", () => {
    // As in gpt-oss: reasoning before a tool call is dropped once there is an answer.
    const source =
      "{% set ns = namespace(final=false) %}{% for m in messages %}{% if m.role == 'assistant' and not m.tool_calls %}" +
      "{% set ns.final = true %}{% endif %}{% endfor %}{% for m in messages %}<|im_start|>{{ m.role }}\n" +
      "{% if m.reasoning_content and not ns.final %}({{ m.reasoning_content }}){% endif %}{{ m.content }}" +
      "{{ 'call' if m.tool_calls }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    const messages = [
      user("q"),
      says("", { reasoning_content: "think", tool_calls: [{}] }),
      { role: "tool", content: "r" },
      says("done"),
    ];
    const { texts } = open(source).trainingTexts({ messages, tools: null });
    expect(texts).toMatchObject([{ turns: [1, 3] }]);
    const [{ text, spans }] = texts as [(typeof texts)[0]];
    expect(text).toBe(
      "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n(think)call<|im_end|>\n<|im_start|>tool\nr<|im_end|>\n" +
        "<|im_start|>assistant\ndone<|im_end|>\n",
    );
    expect(spans!.map(({ start, end }) => text.slice(start, end))).toEqual(["(think)call<|im_end|>", "done<|im_end|>"]);
  });

  it("keeps the prompt that a model gets where a message before the turn moves", () => {
    // As in Mistral: the system message is written at the last message, if that is the user's.
    const source =
      "{% for m in messages %}{% if m.role == 'user' %}[INST] {% if loop.last %}{{ messages[0].content }}\n\n{% endif %}" +
      "{{ m.content }}[/INST]{% elif m.role == 'assistant' %} {{ m.content }}<|im_end|>{% endif %}{% endfor %}";
    const messages = [{ role: "system", content: "s" }, user("q"), says("one"), user("q"), says("two")];
    const { texts } = open(source).trainingTexts({ messages, tools: null });
    expect(texts.map(({ text, spans }) => [text, spans!.map(({ start, end }) => text.slice(start, end))])).toEqual([
      ["[INST] s\n\nq[/INST] one<|im_end|>", [" one<|im_end|>"]],
      ["[INST] q[/INST] one<|im_end|>[INST] s\n\nq[/INST] two<|im_end|>", [" two<|im_end|>"]],
    ]);
  });

  it("is refused, naming the turn, if its text can't be told from the rewritten history", () => {
    const source =
      "{% if messages[-1].role == 'user' %}{{ messages[0].content }}:{% else %}{{ messages[-1].content }}{% endif %}";
    expectError(
      () => open(source).trainingTexts({ messages: [user("q"), says("a")], tools: null }, { where: "a.jsonl:3" }),
      "data",
      /^a\.jsonl:3: .*of message 2 \(assistant\): the template rewrites the messages before it/,
      /"weight": 0/,
    );
  });
});

describe("a generation prompt that is no prefix of the turn", () => {
  const chatml = (start: string, ask: string): string =>
    `{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}${start}{% endif %}{{ m.content }}` +
    `<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n${ask}{% endif %}`;
  const learnt = async (source: string, answer: string, warnings: string[] = []): Promise<string> => {
    const store = await buildLines([{ messages: [user("q"), says(answer)] }], { chat_template: source }, warnings);
    return supervisedText(rowsOf(store)[0]!);
  };

  it("is supervised from where the two part, and reported once", async () => {
    const warnings: string[] = [];
    expect(await learnt(chatml("", "<think>\n"), "4", warnings)).toBe("4<|im_end|>");
    expect(warnings).toEqual([
      expect.stringMatching(
        /^1 of 1 examples \(first: \S+train\.jsonl:1\) have a turn that does not begin as .*enable_thi/,
      ),
    ]);
  });

  it("with the whole token if they part inside one", async () => {
    // "then" is one token, not "the" and "n": after "the" it can't come.
    const [the, then] = await tokenizer.encodeBatch(["the", "then"], { addSpecialTokens: false });
    expect([the!.ids.length, then!.ids.length]).toEqual([1, 1]);
    expect(await learnt(chatml("then", "the "), "4")).toBe("then4<|im_end|>");
  });

  it("with the whole control token if they part inside its text", async () => {
    expect(await learnt(chatml("<|im_start|>", "<|im_x|>"), "4")).toBe("<|im_start|>4<|im_end|>");
  });

  it("with the whole character if they part inside a surrogate pair", () => {
    const { texts } = open(chatml("🌈", "🌊")).trainingTexts({ messages: [user("q"), says("4")], tools: null });
    const [{ text, spans }] = texts as [(typeof texts)[0]];
    expect(text.slice(spans![0]!.start)).toBe("🌈4<|im_end|>\n");
  });

  it("only where it differs: nothing is reported of other conversations", async () => {
    const warnings: string[] = [];
    expect(await learnt(chatml("<think>\n", "<think>\n"), "4", warnings)).toBe("4<|im_end|>");
    expect(warnings).toEqual([]);
  });
});

describe("messages that are read, but not learnt", () => {
  const messages = [user("a"), says("one"), user("b"), says("two")];
  const context = new Set([1]);
  const spansOf = (source: string, options = {}, whole = false): readonly string[] => {
    const supervision = { context, where: "a.jsonl:1", ...options };
    const template = open(source);
    const chat = { messages, tools: null };
    const { texts } = whole ? template.wholeText(chat, supervision) : template.trainingTexts(chat, supervision);
    return texts.flatMap(({ text, spans }) => spans!.map(({ start, end }) => text.slice(start, end)));
  };

  it("are context, whether the template appends or rewrites", () => {
    expect(spansOf(appends.template)).toEqual(["two<|im_end|>"]);
    expect(spansOf(rewrites.template)).toEqual(["()\ntwo<|endoftext|>"]);
    expect(spansOf(appends.template, { turns: "last", context: new Set([3]) })).toEqual(["one<|im_end|>"]);
  });

  it("are context if the template marks what is the assistant's", () => {
    const marked =
      "{% for m in messages %}{{ m.role }}:{% generation %}{{ m.content }}{% endgeneration %};{% endfor %}";
    expect(spansOf(marked)).toEqual(["two"]);
  });

  it("are context if all other text is learnt", () => {
    const [before, after] = spansOf(appends.template, {}, true);
    expect(before).toBe("<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n");
    expect(after).toMatch(/^\n<\|im_start\|>user\nb<\|im_end\|>\n<\|im_start\|>assistant\ntwo<\|im_end\|>\n$/);
    expectError(
      () => spansOf(rewrites.template, {}, true),
      "data",
      /^a\.jsonl:1: .*message 2 \(assistant\): it has "weight": 0, and messages after it change how it is rendered/,
    );
  });
});

describe("{% generation %} in a template that rewrites earlier turns", () => {
  it("marks what is supervised of each turn, in the turn's own context", () => {
    const source =
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}" +
      "{% if loop.last %}({{ m.reasoning_content }}){% endif %}{{ m.content }}<|im_end|>\n{% endgeneration %}{% else %}" +
      "{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    const messages = [
      user("a"),
      says("one", { reasoning_content: "x" }),
      user("b"),
      says("two", { reasoning_content: "y" }),
    ];
    const { texts } = open(source).trainingTexts({ messages, tools: null });
    expect(texts.map(({ text, spans }) => spans!.map(({ start, end }) => text.slice(start, end)))).toEqual([
      ["(x)one<|im_end|>\n"],
      ["(y)two<|im_end|>\n"],
    ]);
    expect(texts[1]!.text).toContain("assistant\none<|im_end|>");
  });
});

describe("{% generation %} in a template that rewrites the history once a turn is there", () => {
  it("marks what is supervised after the prompt that a model gets", () => {
    const source =
      "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}" +
      "{% else %}[{{ '!' if loop.last }}{{ m.content }}]{% endif %}{% endfor %}";
    const messages = [user("a"), says("one"), user("b"), says("two")];
    const { texts } = open(source).trainingTexts({ messages, tools: null }, { turns: "last" });
    expect(texts.map(({ text, spans }) => [text, spans!.map(({ start, end }) => text.slice(start, end))])).toEqual([
      ["[a]one<|im_end|>[!b]two<|im_end|>", ["two<|im_end|>"]],
    ]);
  });
});

describe("variables of the chat template", () => {
  const source =
    "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}" +
    "{% if effort is defined %}{{ effort }}{% endif %}{% if think is defined and think is false %}!{% endif %}";
  const text = async (line: object, chat_template_kwargs = {}, warnings: string[] = []): Promise<string> => {
    const settings = { chat_template: source, chat_template_kwargs, assistant_only_loss: false };
    const store = await buildLines([{ messages: [user("q"), says("a")], ...line }], settings, warnings);
    return tokenizer.decode(rowsOf(store)[0]!.ids);
  };
  const chat = "user:q;assistant:a;";

  it("come from the run, and from the example, which goes before it key by key", async () => {
    expect(await text({})).toBe(chat);
    expect(await text({}, { think: false, effort: "low" })).toBe(`${chat}low!`);
    expect(await text({ chat_template_kwargs: { effort: "high" } }, { think: false, effort: "low" })).toBe(
      `${chat}high!`,
    );
    expect(await text({ chat_template_kwargs: '{"effort": 1.0}' })).toBe(`${chat}1.0`);
  });

  it("that are null count as absent, as columnar formats pad them", async () => {
    expect(await text({ chat_template_kwargs: { effort: null, think: null } }, { effort: "low" })).toBe(`${chat}low`);
    expect(await text({ chat_template_kwargs: null }, { effort: null })).toBe(chat);
  });

  it("that the template does not read are reported, with their count", async () => {
    const warnings: string[] = [];
    await text({ chat_template_kwargs: { enable_thinkin: false } }, {}, warnings);
    expect(warnings).toEqual([
      expect.stringMatching(/^1 of 1 examples \(first: \S+:1, "enable_thinkin"\) have a variable .* does not read/),
    ]);
  });

  it("that are a part of a name that the template reads are reported, too", async () => {
    const warnings: string[] = [];
    await text({}, { effor: "low" }, warnings);
    expect(warnings).toEqual([expect.stringMatching(/"effor"\) have a variable .* does not read/)]);
    await text({}, { effort: "low" }, warnings);
    expect(warnings).toHaveLength(1);
  });

  it.each(["messages", "tools", "add_generation_prompt", "bos_token", "tokenize", "continue_final_message"])(
    "are refused under the reserved name %s",
    async (name) => {
      const build = text({ chat_template_kwargs: { [name]: "x" } });
      await expectRejection(
        build,
        "data",
        new RegExp(`train\\.jsonl:1: "chat_template_kwargs" has the reserved name "${name}"`),
      );
    },
  );

  it.each([
    ["a list", [1]],
    ["a number", 3],
    ["no JSON", "{"],
  ])("are refused as %s", async (_, value) => {
    await expectRejection(text({ chat_template_kwargs: value }), "data", /train\.jsonl:1: "chat_template_kwargs" is/);
  });
});
