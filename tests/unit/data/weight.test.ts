/** Without this, an answer marked as context is learnt. */
import { describe, expect, it } from "vitest";
import { expectRejection } from "./matchers.js";
import { buildLines, rowsOf, supervisedText, type Settings } from "./stores.js";

const user = (content: string) => ({ role: "user", content });
const answer = (content: string, more: object = {}) => ({ role: "assistant", content, ...more });

async function learnt(line: unknown, settings: Settings = {}, warnings: string[] = []): Promise<string> {
  const [row] = rowsOf(await buildLines([line], settings, warnings));
  return supervisedText(row!);
}

const marked =
  "{% for m in messages %}{{ m.role }}={% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}" +
  "{% else %}{{ m.content }}{% endif %};{% endfor %}{% if add_generation_prompt %}assistant={% endif %}";

describe("an answer of weight 0 is read, but not learnt", () => {
  const messages = [
    user("One?"),
    answer("First", { weight: 0 }),
    user("Two?"),
    answer("Second", { weight: 1 }),
    user("Three?"),
    answer("Third"),
  ];

  it.each<[string, Settings, string]>([
    ["with the model's template", {}, "Second<|im_end|>Third<|im_end|>"],
    ["with a template that marks the answers", { chat_template: marked }, "SecondThird"],
  ])("%s", async (_, settings, expected) => {
    const warnings: string[] = [];
    expect(await learnt({ messages }, settings, warnings)).toBe(expected);
    expect(warnings.filter((each) => !each.includes("won't learn to stop"))).toEqual([]);
  });

  it("also where everything else is learnt", async () => {
    const text = await learnt({ messages }, { assistant_only_loss: false });
    expect(text).not.toContain("First");
    for (const each of ["One?", "Two?", "Second", "Three?", "Third"]) expect(text).toContain(each);
  });

  it("and is in the row all the same", async () => {
    const plain = messages.map(({ role, content }) => ({ role, content }));
    const [weighted] = rowsOf(await buildLines([{ messages }]));
    const [unweighted] = rowsOf(await buildLines([{ messages: plain }]));
    expect(weighted!.ids).toEqual(unweighted!.ids);
    expect(weighted!.labels).not.toEqual(unweighted!.labels);
  });

  it("in a completion of several answers", async () => {
    const line = {
      prompt: messages.slice(0, 3),
      completion: [answer("Second", { weight: 0 }), user("?"), answer("Third")],
    };
    expect(await learnt(line)).toBe("Third<|im_end|>");
  });

  it("and is not reported as an empty answer", async () => {
    const warnings: string[] = [];
    await learnt({ messages: [user("One?"), answer("", { weight: 0 }), user("Two?"), answer("Second")] }, {}, warnings);
    expect(warnings).toEqual([]);
  });
});

describe("the keys of other programs have the same effect", () => {
  it.each([
    ["loss: false", { loss: false }],
    ["train: false", { train: false }],
    ["training: 0", { training: 0 }],
    ["weight: 0.0, as tables have it", '{"weight": 0.0}'],
  ])("%s", async (_, key) => {
    const keys: object = typeof key === "string" ? {} : key;
    const first = JSON.stringify(answer("First", keys)).replace(
      /\}$/,
      typeof key === "string" ? `,${key.slice(1)}` : "}",
    );
    const line = `{"messages": [${JSON.stringify(user("One?"))}, ${first}, ${JSON.stringify(user("Two?"))}, ${JSON.stringify(answer("Second", { loss: true, weight: null }))}]}`;
    expect(await learnt(line)).toBe("Second<|im_end|>");
  });

  it("in turns of ShareGPT's form", async () => {
    const conversations = [
      { from: "human", value: "One?" },
      { from: "gpt", value: "First", weight: 0 },
      { from: "human", value: "Two?", weight: 0 },
      { from: "gpt", value: "Second", weight: 1 },
    ];
    expect(await learnt({ conversations })).toBe("Second<|im_end|>");
  });
});

describe("weight has no effect in messages that are never learnt", () => {
  it.each([0, 1])("a user message of weight %s", async (weight) => {
    const warnings: string[] = [];
    const messages = [{ ...user("One?"), weight }, answer("First")];
    expect(await learnt({ messages }, {}, warnings)).toBe("First<|im_end|>");
    expect(warnings).toEqual([]);
  });
});

describe("another weight is rejected with the line and the message", () => {
  it.each([
    [0.5, "the number 0.5"],
    [2, "the number 2"],
    [-1, "the number -1"],
    [true, "the boolean true"],
    ["0", "a string"],
  ])("%j", async (weight, described) => {
    const good = { messages: [user("One?"), answer("First")] };
    const bad = { messages: [user("One?"), answer("First", { weight })] };
    await expectRejection(
      buildLines([good, bad]),
      "data",
      new RegExp(`train\\.jsonl:2: "weight" of message 2 of "messages" is ${described}; expected 0 or 1`),
      /0 makes it context/,
    );
  });

  it("also of a user message, and flags that contradict each other", async () => {
    const one = { messages: [{ ...user("One?"), weight: 3 }, answer("First")] };
    await expectRejection(buildLines([one]), "data", /"weight" of message 1 of "messages" is the number 3/);
    const other = { messages: [user("One?"), answer("First", { weight: 1, loss: false })] };
    await expectRejection(buildLines([other]), "data", /"weight" and "loss" of message 2 .* contradict each other/);
  });

  it("and a conversation all of whose answers are context has nothing to learn", async () => {
    const messages = [user("One?"), answer("First", { weight: 0 })];
    await expectRejection(buildLines([{ messages }]), "data", /train\.jsonl:1: this example has no supervised token/);
  });
});
