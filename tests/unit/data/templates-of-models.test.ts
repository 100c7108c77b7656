/** Without this, a model is trained on turns in a context that it is never given when it is asked for them. */
import { describe, expect, it } from "vitest";
import { createEncoder } from "../../../src/data/encode.js";
import { openTokenizer, type TrainingTexts } from "../../../src/data/index.js";
import {
  stockConversations,
  stockRenderings,
  stockTemplate,
  stockTemplatesAreThere,
  withStockTemplates,
  type StockTurn,
} from "./stock-templates.js";
import { smolFolder, smolSkip, tinyModel } from "./support.js";

const cases = Object.entries(stockRenderings).flatMap(([template, byName]) =>
  Object.entries(byName).map(([name, one]) => [template, name, one] as const),
);

function textsOf(template: string, name: string): TrainingTexts {
  const { messages, tools = null } = stockConversations[name]!;
  return stockTemplate(template).trainingTexts({ messages, tools }, { where: name });
}

/** Code points, as Python counts them, in UTF-16 units. */
const units = (text: string, points: number): number => Array.from(text).slice(0, points).join("").length;

function commonPrefix(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

const startOf = ({ text, prompt, prompt_chars: points }: StockTurn): number =>
  points === null ? commonPrefix(text, prompt!) : units(text, points);

/** Models never generate the line break after their end token, but a template may mark it with `{% generation %}`. */
const endOf = ({ text }: StockTurn, marks: boolean): number =>
  marks ? text.length : text.replace(/(<\|im_end\|>)\s+$/, "$1").length;

describe("each turn is supervised in the context in which a model is asked for it, as transformers renders it", () => {
  it.skipIf(!stockTemplatesAreThere)(withStockTemplates("for eleven stock templates and six conversations"), () => {
    expect(cases).toHaveLength(66);
  });

  it.each(cases)("%s, %s", (template, name, one) => {
    if ("error" in one) {
      expect(() => textsOf(template, name)).toThrow(one.error.split(" (")[0]);
      return;
    }
    const { texts, turns } = textsOf(template, name);
    const marks = stockTemplate(template).marksGeneration;
    expect(turns).toEqual(one.turns.map(({ turn }) => turn));
    expect(texts.flatMap((text) => text.turns)).toEqual(turns);
    for (const turn of one.turns) {
      const own = texts.find((text) => text.turns.includes(turn.turn))!;
      const { start, end } = own.spans![own.turns.indexOf(turn.turn)]!;
      expect({ start, end }).toEqual({ start: startOf(turn), end: endOf(turn, marks) });
      expect(own.text.slice(0, end)).toBe(turn.text.slice(0, end));
      if (turn.turn === own.turns.at(-1)) expect(own.text).toBe(turn.prefix_of_whole ? one.text : turn.text);
    }
    const rewritten = one.turns.filter(({ prefix_of_whole: appended }) => !appended);
    expect(texts).toHaveLength(1 + rewritten.length);
  });
});

describe("token ids are those of the rendered texts", () => {
  const isMissing = (folder: string | undefined): boolean => folder === undefined || !stockTemplatesAreThere;

  it.skipIf(isMissing(tinyModel))(withStockTemplates("with the quickstart's tokenizer"), () => compareAll(tinyModel));

  it.skipIf(isMissing(smolFolder))(withStockTemplates(`with SmolLM2's tokenizer${smolSkip}`), () =>
    compareAll(smolFolder ?? ""),
  );

  async function compareAll(folder: string): Promise<void> {
    const tokenizer = await openTokenizer(folder);
    for (const [name, conversation, one] of cases) {
      if ("error" in one) continue;
      const [plain, { messages, tools = null }] = [stockTemplate(name), stockConversations[conversation]!];
      const common = { assistantOnlyLoss: true, completionOnlyLoss: true, turns: "all" } as const;
      const encode = createEncoder({ tokenizer, templates: { plain, tools: plain }, ...common });
      const own = { kind: "chat" as const, promptMessages: 0, context: new Set<number>(), templateKwargs: null };
      const [rows = []] = await encode([{ example: { ...own, messages, tools }, where: "x:1" }]);
      const texts = [...one.turns.filter((turn) => !turn.prefix_of_whole).map(({ text }) => text), one.text];
      const expected = await tokenizer.encodeBatch(texts, { addSpecialTokens: false });
      expect(
        rows.map(({ ids }) => Array.from(ids)),
        `${name}, ${conversation}`,
      ).toEqual(expected.map(({ ids }) => Array.from(ids)));
    }
  }
});
