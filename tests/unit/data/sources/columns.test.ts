/** Data that are in none of the formats become examples by the names of their columns, and a wrong name is an error. */
import { describe, expect, it } from "vitest";
import { readRecords, type DataInput } from "../../../../src/data/index.js";
import { expectRejection } from "../matchers.js";
import { build, chat } from "../stores.js";
import { fileWith } from "../support.js";

const valuesOf = async (source: DataInput): Promise<unknown[]> => {
  const values: unknown[] = [];
  for await (const { value } of readRecords(source)) values.push(value);
  return values;
};

describe("columns", () => {
  it("are renamed to keys of a format; others keep their names", async () => {
    const path = await fileWith([{ question: "a", answer: "b", topic: "c" }]);
    const columns = { prompt: "question", completion: "answer" };
    expect(await valuesOf({ path, columns })).toEqual([{ prompt: "a", completion: "b", topic: "c" }]);
    const warnings: string[] = [];
    await build({ path, columns }, {}, warnings);
    expect(warnings.join()).toMatch(/"topic" \(1/);
  });

  it("may be exchanged, used twice, or within an object, whose other keys stay", async () => {
    const swapped = await fileWith([{ prompt: "a", completion: "b" }]);
    expect(await valuesOf({ path: swapped, columns: { prompt: "completion", completion: "prompt" } })).toEqual([
      { prompt: "b", completion: "a" },
    ]);
    expect(await valuesOf({ path: swapped, columns: { prompt: "prompt", completion: "prompt" } })).toEqual([
      { prompt: "a", completion: "a" },
    ]);
    const nested = await fileWith([
      { translation: { en: "a", fr: "b", de: "c" }, "x.y": "d", deep: { in: { it: "e" } } },
    ]);
    const columns = { prompt: "translation.en", completion: "translation.fr", system: "x.y", input: "deep.in.it" };
    expect(await valuesOf({ path: nested, columns })).toEqual([
      { prompt: "a", completion: "b", system: "d", input: "e", translation: { de: "c" } },
    ]);
  });

  it("decide on the format, whatever other columns are called", async () => {
    const path = await fileWith([{ question: "1 + 1 =", answer: " 2", messages: chat("x", "y").messages, text: "z" }]);
    const columns = { prompt: "question", completion: "answer" };
    const mapped = await build({ path, columns });
    expect(mapped.fingerprint).toBe(
      (await build(await fileWith([{ prompt: "1 + 1 =", completion: " 2" }]))).fingerprint,
    );
    // The other half of a format may have its own name.
    const half = await fileWith([{ prompt: "1 + 1 =", answer: " 2" }]);
    expect((await build({ path: half, columns: { completion: "answer" } })).fingerprint).toBe(mapped.fingerprint);
  });

  it("with JSON text become the lists that they are", async () => {
    const path = await fileWith([{ dialogue: JSON.stringify(chat("a", "b").messages) }]);
    const store = await build({ path, columns: { messages: "dialogue" } });
    expect(store.fingerprint).toBe((await build(await fileWith([chat("a", "b")]))).fingerprint);
  });

  it("that the first example lacks are refused, with those that are there", async () => {
    const path = await fileWith([{ "10": 1, question: "a", answer: "b" }]);
    await expectRejection(
      valuesOf({ path, columns: { prompt: "qestion", completion: "answer" } }),
      "data",
      /train\.jsonl:1: there is no column "qestion"; the columns are: 10, question, answer$/,
      /reads prompt from it/,
    );
  });

  it("that an example may lack are refused if no example has them", async () => {
    const lines = [
      { instruction: "a", output: "b" },
      { instruction: "c", context: "d", output: "e" },
    ];
    const path = await fileWith(lines);
    expect(await valuesOf({ path, columns: { input: "context" } })).toEqual([
      { instruction: "a", output: "b" },
      { instruction: "c", input: "d", output: "e" },
    ]);
    await expectRejection(valuesOf({ path, columns: { input: "contxt" } }), "data", /there is no column "contxt"/);
  });
});
