import { describe, expect, it } from "vitest";
import { stopTokens } from "../../../src/generation/stop-tokens.js";
import { tinyText } from "./support.js";

const ids = async (template: string | null): Promise<number[]> => {
  const { tokenizer, templates } = await tinyText(template);
  return [...stopTokens(tokenizer, templates)].sort();
};

describe("an answer ends", () => {
  it("at the tokenizer's eos, with which the model's own template ends a turn", async () => {
    expect(await ids(null)).toEqual([2]);
  });

  it("at the template's end-of-turn token, if that differs", async () => {
    const template = "{% for m in messages %}{{ m.role }}: {{ m.content }} <|endoftext|>\n{% endfor %}";
    expect(await ids(template)).toEqual([0, 2]);
  });

  it("not at a token that only comes later", async () => {
    expect(await ids("{% for m in messages %}{{ m.content }} over{% endfor %}<|endoftext|>")).toEqual([2]);
  });

  it("only at eos if the template can't be rendered, or omits the answer", async () => {
    expect(await ids("{{ raise_exception('three messages, please') }}")).toEqual([2]);
    expect(await ids("{{ messages[0].content }}<|endoftext|>")).toEqual([2]);
  });

  it("at every id that generation_config.json lists", async () => {
    const { tokenizer } = await tinyText();
    const listed = { ...tokenizer, eosIds: [2, 7, 9], controlTokens: tokenizer.controlTokens };
    expect([...stopTokens(listed, null)]).toEqual([2, 7, 9]);
  });
});
