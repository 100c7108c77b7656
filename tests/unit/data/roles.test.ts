/** Without this, what a misspelt "asistant" says is never learnt, and nobody is told. */
import { describe, expect, it } from "vitest";
import { knownRoles, nearestRole, rolesNamedIn } from "../../../src/data/roles.js";
import { expectRejection } from "./matchers.js";
import { buildLines, rowsOf } from "./stores.js";

const talk = (...roles: string[]) => ({ messages: roles.map((role) => ({ role, content: `by ${role}` })) });

describe("an unknown role", () => {
  it.each([
    ["asistant", "assistant"],
    ["Assistant", "assistant"],
    ["ASSISTANT", "assistant"],
    [" assistant", "assistant"],
    ["assistent", "assistant"],
    ["bot", "assistant"],
    ["gpt", "assistant"],
    ["model", "assistant"],
    ["human", "user"],
    ["usr", "user"],
    ["User", "user"],
    ["sytem", "system"],
    ["observation", "tool"],
  ])("%j is rejected by file and line, with a suggestion", async (role, meant) => {
    await expectRejection(
      buildLines([talk("user", "assistant"), talk("user", "assistant", "user", role)]),
      "data",
      new RegExp(`train\\.jsonl:2: message 4 has the unknown role "${role}" \\(did you mean "${meant}"\\?\\)`),
      /Only messages of the role "assistant" are learnt\. Known roles are system, developer, user, assistant/,
    );
  });

  it("is rejected without a suggestion if none is near", async () => {
    await expectRejection(
      buildLines([talk("user", "narrator", "assistant")]),
      "data",
      /message 2 has the unknown role "narrator"$/,
      /must name any other/,
    );
  });

  it("is detected in a prompt and in a completion", async () => {
    const line = (prompt: string, completion: string) => ({
      prompt: talk("system", prompt).messages,
      completion: talk(completion).messages,
    });
    const good = line("user", "assistant");
    await expectRejection(buildLines([good, line("usr", "assistant")]), "data", /:2: message 2 of "prompt" has/, /./);
    await expectRejection(buildLines([good, line("user", "asistant")]), "data", /:2: message 1 of "completion"/, /./);
  });

  it("is accepted if the chat template distinguishes it", async () => {
    const template =
      "{% for m in messages %}{% if m.role == 'narrator' %}({{ m.content }}){% else %}" +
      "{{ m.role }} {{ m.content }}<|im_end|>{% endif %}{% endfor %}" +
      "{% if add_generation_prompt %}assistant {% endif %}";
    const store = await buildLines([talk("user", "narrator", "assistant")], { chat_template: template });
    expect(rowsOf(store)).toHaveLength(1);
  });

  it("of sharegpt is rejected with the nearest one", async () => {
    const line = {
      conversations: [
        { from: "human", value: "q" },
        { from: "GPT", value: "a" },
      ],
    };
    await expectRejection(
      buildLines([line]),
      "data",
      /turn 2 of "conversations" is from "GPT" \(did you mean "gpt"\?\)/,
      /one of system/,
    );
  });
});

it("finds roles in a template's conditions, in any notation", () => {
  const source = `
    {% if message['role'] == 'critic' %}{% elif message.role=="judge" %}{% endif %}
    {% if (message["role"] != "host") or 'guest' == m.role %}{% endif %}
    {% if m['role'] in ['poet', "painter"] or role not in ("cook",) %}{% endif %}
    {% set role = 'model' %}{{ 'role' }}`;
  expect([...rolesNamedIn(source)].sort()).toEqual(["cook", "critic", "guest", "host", "judge", "painter", "poet"]);
  expect(knownRoles(source).has("critic")).toBe(true);
  expect(nearestRole("critc", knownRoles(source))).toBe("critic");
});
