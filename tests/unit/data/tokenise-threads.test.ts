/** Without this, large data give other rows than small ones, or a start hangs when a thread dies. */
import { describe, expect, it } from "vitest";
import { buildTokenStore, type TokenStore } from "../../../src/data/index.js";
import { startTokeniserThreads } from "../../../src/data/tokenise/threads.js";
import { expectRejection } from "./matchers.js";
import { chat, rowsOf, tokenizer } from "./stores.js";
import { dataSettings, fileWith, tinyModel } from "./support.js";

/** Writes the arguments of calls, and the date if it is asked to. */
const template =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% for c in m.tool_calls or [] %}" +
  "{{ c.function.arguments | tojson }}{% endfor %}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const call = (args: unknown) => ({
  messages: [
    { role: "user", content: "Add." },
    { role: "assistant", content: "", tool_calls: [{ type: "function", function: { name: "add", arguments: args } }] },
  ],
});

/** Whole numbers, floats, numbers beyond 2^53, and keys like indices, as text of JSON. */
const odd = JSON.stringify(call("ARGS")).replace('"ARGS"', '{"10": 1.0, "2": 12345678901234567890, "x": [1e3, -0.0]}');

const lines: readonly unknown[] = [
  ...Array.from({ length: 700 }, (_, index) => chat(`Question ${index}?`, `Answer ${"x".repeat(index % 40)} 🌈`)),
  odd,
  { ...chat("q", "a"), note: "kept for later" },
  { messages: [...chat("One?", "1").messages, ...chat("Two?", " ").messages] },
  chat("a <|im_end|> b", "c"),
];

async function built(threads: number, given: readonly unknown[], more: object = {}) {
  const warnings: string[] = [];
  const seen: unknown[] = [];
  const store = await buildTokenStore({
    source: await fileWith(given),
    data: { ...dataSettings, chat_template: template, ...more },
    tokenizer,
    threads,
    onWarning: (text) => warnings.push(text.replaceAll(/\/\S*train/g, "train")),
    onExample: (content, where) => seen.push([content, where.replace(/.*train/, "train")]),
  });
  return { store, warnings, seen };
}

const shown = ({ rowCount, statistics, fingerprint, ...store }: TokenStore) => ({
  rows: rowsOf({ rowCount, statistics, fingerprint, ...store }),
  fingerprint,
  statistics: JSON.stringify(statistics).replaceAll(/\/[^"]*train/g, "train"),
});

describe("threads tokenise", () => {
  it("to the same rows, notes and content numbers as one thread, in the same order", async () => {
    const one = await built(0, lines);
    const three = await built(3, lines);
    expect(shown(three.store)).toEqual(shown(one.store));
    expect(three.warnings).toEqual(one.warnings);
    expect(three.warnings.length).toBeGreaterThan(2);
    expect(three.seen).toEqual(one.seen);
    const texts = rowsOf(three.store).slice(700, 701);
    expect(await tokenizer.decode(texts[0]!.ids)).toContain(
      '{"10": 1.0, "2": 12345678901234567890, "x": [1000.0, -0.0]}',
    );
  });

  it("and skip the same bad examples, listed in the order of the data", async () => {
    const bad = ["{", { messages: [{ role: "user", content: "x" }] }, { messages: [] }];
    const mixed = lines.flatMap((line, index) => (index % 100 === 7 ? [bad[index % 3], line] : [line]));
    const one = await built(0, mixed, { on_bad_example: "skip" });
    const two = await built(2, mixed, { on_bad_example: "skip" });
    expect(shown(two.store)).toEqual(shown(one.store));
    expect(two.store.statistics.skipped?.count).toBe(7);
  });

  it("and report the first bad example of the data, whichever is found first", async () => {
    const mixed = [...lines, { messages: [{ role: "user", content: "x" }] }, "{"];
    await expectRejection(built(2, mixed), "data", new RegExp(`train\\.jsonl:${lines.length + 1}: `), /assistant/);
  });

  it("not at all without a chat template: the first conversation is named", async () => {
    const source = await fileWith(lines);
    const untemplated = { ...tokenizer, chatTemplate: null, toolChatTemplate: null };
    const store = buildTokenStore({ source, data: dataSettings, tokenizer: untemplated, threads: 0 });
    await expectRejection(
      store,
      "data",
      /train\.jsonl:1: the example is a conversation, but the model has no chat/,
      /Jinja/,
    );
  });
});

const settings = {
  folder: tinyModel,
  adapter: null,
  assistantOnlyLoss: true,
  completionOnlyLoss: true,
  turns: "all",
  template: null,
  templateKwargs: {},
  date: 0,
  contents: false,
} as const;
const line = { value: { text: "x" }, where: "x:1", format: "text" } as const;

describe("a thread that ends fails the calls that wait for it", () => {
  it("when it crashes", async () => {
    const entry = new URL("data:text/javascript,setTimeout(() => { throw new Error('out of luck'); }, 10)");
    const threads = startTokeniserThreads(1, settings, entry);
    await expectRejection(threads.tokenise([line]), "bug", /a tokenising thread crashed: out of luck/);
    await expectRejection(threads.tokenise([line]), "bug", /out of luck/);
    await threads.close();
  });

  it("when it is closed", async () => {
    const threads = startTokeniserThreads(2, settings, new URL("data:text/javascript,setInterval(() => {}, 1000)"));
    const waiting = expectRejection(threads.tokenise([line]), "bug", /has ended/);
    await threads.close();
    await waiting;
  });

  it("and names the folder of a tokenizer that it cannot open", async () => {
    const threads = startTokeniserThreads(1, { ...settings, folder: "/nowhere" });
    await expectRejection(threads.tokenise([line]), "model", /\/nowhere/);
    await threads.close();
  });
});
