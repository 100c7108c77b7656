/** Without this, a template's own rules look like faults of the data, or a developer's message stops a run. */
import { describe, expect, it } from "vitest";
import { expectRejection } from "./matchers.js";
import { buildLines, rowsOf, tokenizer } from "./stores.js";

const system = { role: "system", content: "Be brief." };
const developer = { role: "developer", content: "Be brief." };
const user = { role: "user", content: "How are you?" };
const answer = { role: "assistant", content: "Fine." };

/** Writes every role as it is. */
const generic =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
/** As Gemma's: refuses a system message, and roles that don't alternate. */
const gemma =
  "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
  "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}" +
  "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}" +
  "{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}assistant\n{% endif %}";

async function text(messages: readonly object[], chat_template: string, warnings: string[] = []): Promise<string> {
  const [row] = rowsOf(await buildLines([{ messages }], { chat_template }, warnings));
  return tokenizer.decode(row!.ids);
}

describe("the role developer", () => {
  it("is passed as system to a template that has no such role, with a note", async () => {
    const warnings: string[] = [];
    const expected = await text([system, user, answer], generic);
    expect(await text([developer, user, answer], generic, warnings)).toBe(expected);
    expect(expected).toContain("<|im_start|>system\nBe brief.");
    expect(warnings).toEqual([expect.stringMatching(/^1 of 1 examples .* role developer.* passed as system/)]);
  });

  it("is passed unchanged to a template that has it", async () => {
    const own = generic.replace("{{ m.role }}", "{{ 'DEV' if m.role == 'developer' else m.role }}");
    const warnings: string[] = [];
    expect(await text([developer, user, answer], own, warnings)).toContain("<|im_start|>DEV\nBe brief.");
    expect(warnings).toEqual([]);
  });

  it.each([
    ["omits it", "{% if m.role == 'developer' %}{% else %}", "{% endif %}"],
    ["refuses it", "{{ raise_exception('no developer') if m.role == 'developer' }}", ""],
    ["mentions the word only", "{# for developers #}{{ '' if m.role != 'developer' else 1 / 0 }}", ""],
  ])("is passed as system to a template that %s", async (_, before, after) => {
    const template = generic
      .replace("<|im_start|>{{", `${before}<|im_start|>{{`)
      .replace("<|im_end|>\n", `<|im_end|>\n${after}`);
    expect(await text([developer, user, answer], template)).toContain("system\nBe brief.");
  });
});

describe("a conversation that the template refuses is reported as the template's rule, with line and message", () => {
  const rule = /This is a rule of the template, not of coxswain\./;

  it.each([
    [
      [system, user, answer],
      /refuses message 1 \(system\): System role not supported$/,
      /first user message, or set another/,
    ],
    [[developer, user, answer], /refuses message 1 \(developer\): System role not supported$/, /first user message/],
    [
      [user, user, answer],
      /refuses message 2 \(user\): Conversation roles must alternate/,
      /Change or remove that message/,
    ],
    [[user, answer, { role: "tool", content: "x" }, answer], /refuses message 3 \(tool\): Conversation roles/, rule],
    [
      [answer, user, answer],
      /refuses message 1 \(assistant\): Conversation roles/,
      /write the user message that it answers before it/,
    ],
    [[user, answer, answer, answer], /refuses message 3 \(assistant\): Conversation roles/, rule],
  ])("%j", async (messages, message, hint) => {
    const lines = [{ messages: [user, answer] }, { messages }];
    const build = (): Promise<unknown> => buildLines(lines, { chat_template: gemma });
    await expectRejection(build(), "data", message, hint);
    await expectRejection(build(), "data", /train\.jsonl:2: the chat template of data\.chat_template refuses/, rule);
  });

  it("and no message is blamed for what the whole conversation lacks", async () => {
    const asks = `{% if not messages | selectattr('role', 'equalto', 'user') | list %}{{ raise_exception('No user query') }}{% endif %}${generic}`;
    await expectRejection(
      buildLines([{ messages: [system, answer] }], { chat_template: asks }),
      "data",
      /refuses the conversation: No user query$/,
      rule,
    );
  });
});
