/** The evaluation split: an evaluated example is never trained on, and stays where it is when others come. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { gzipSync } from "node:zlib";
import { dataOf, Duplicates, readRecords, type DataInput } from "../../../../src/data/index.js";
import { contentNumber } from "../../../../src/data/sources/content.js";
import { CoxswainError } from "../../../../src/errors.js";
import { parseJson } from "../../../../src/jinja/index.js";
import { expectRejection } from "../matchers.js";
import { build, chat } from "../stores.js";
import { fileWith, folderWith, inRepository } from "../support.js";

type Train = Parameters<typeof dataOf>[0]["data"]["train"];

async function textsOf(input: DataInput | null): Promise<string[]> {
  const texts: string[] = [];
  if (input !== null) for await (const { value } of readRecords(input)) texts.push((value as { text: string }).text);
  return texts;
}

/** Both sides. */
async function sidesOf(train: Train, heldOut: number): Promise<readonly [train: string[], evaluation: string[]]> {
  const { training, evaluation } = dataOf({ seed: 42, data: { train, eval: heldOut } });
  return [await textsOf(training), await textsOf(evaluation)];
}

const numbers = (from: number, to: number): { text: string }[] =>
  Array.from({ length: to - from }, (_, number) => ({ text: `example ${from + number}` }));

describe("a split by a share", () => {
  it("gives each example to one side, in the order of the files", async () => {
    const examples = numbers(0, 1000);
    const [train, evaluation] = await sidesOf(await fileWith(examples), 0.1);
    expect(evaluation.length).toBeGreaterThan(60);
    expect(evaluation.length).toBeLessThan(140);
    const all = examples.map(({ text }) => text);
    expect(all.filter((text) => train.includes(text))).toEqual(train);
    expect(all.filter((text) => !train.includes(text))).toEqual(evaluation);
  });

  it("never moves an example when others are added, or the files are in another order", async () => {
    const [train, evaluation] = await sidesOf(await fileWith(numbers(0, 300)), 0.2);
    const more = [await fileWith(numbers(300, 500)), await fileWith(numbers(0, 300).reverse())];
    const [laterTrain, laterEvaluation] = await sidesOf(more, 0.2);
    expect(laterTrain).toEqual(expect.arrayContaining(train));
    expect(laterEvaluation).toEqual(expect.arrayContaining(evaluation));
  });

  it("has copies on one side, whatever the format and keys that no format reads", async () => {
    const [first, second] = [
      await fileWith(numbers(0, 200)),
      await fileWith(numbers(0, 200).map((one, id) => ({ id, ...one }))),
    ];
    const table = path.join(
      await folderWith({
        "a.csv": `text,tag\n${numbers(0, 200)
          .map(({ text }) => `${text},x\n`)
          .join("")}`,
      }),
      "a.csv",
    );
    const packed = path.join(
      await folderWith({
        "a.jsonl.gz": gzipSync(
          numbers(0, 200)
            .map((one) => `${JSON.stringify(one)}\n`)
            .join(""),
        ),
      }),
      "a.jsonl.gz",
    );
    const [train, evaluation] = await sidesOf([first, second, table, packed], 0.5);
    expect(train.length + evaluation.length).toBe(800);
    expect(train.filter((text) => evaluation.includes(text))).toEqual([]);
  });

  it("holds all copies of the shared part of Parquet and JSONL on one side", async () => {
    const golden = (name: string): string => inRepository("tests/golden/parquet", name);
    const data = { train: [golden("codecs/zstd-1.parquet"), golden("conversations.jsonl")], eval: 0.3 };
    const { training, evaluation } = dataOf({ seed: 42, data });
    const [train, held] = [await build(training), await build(evaluation!)];
    expect(train.statistics.sources?.[0]?.tokens).toBe(train.statistics.sources?.[1]?.tokens);
    expect(held.statistics.sources?.[0]?.examples).toBe(held.statistics.sources?.[1]?.examples);
  });

  it("evaluates once what is trained on several times, from within the limit", async () => {
    const source = { path: await fileWith(numbers(0, 400)), weight: 2, limit: 300 };
    const [train, evaluation] = await sidesOf(source, 0.2);
    expect(new Set(evaluation).size).toBe(evaluation.length);
    expect(train.length).toBe(2 * (300 - evaluation.length));
    const [half] = await sidesOf({ ...source, weight: 0.5 }, 0.2);
    expect(half.filter((text) => evaluation.includes(text))).toEqual([]);
  });

  it("that leaves one side empty is refused", async () => {
    const file = await fileWith(numbers(0, 20));
    await expectRejection(
      sidesOf(file, 0.0000001),
      "data",
      /data\.eval: 1e-7 leaves no example of 20 to evaluate on/,
      /number/,
    );
    await expectRejection(sidesOf(file, 0.9999999), "data", /leaves no example of 20 to train on/, /share/);
  });
});

describe("a split by a number of examples", () => {
  it("holds out exactly that many different examples, and all of their copies", async () => {
    const [train, evaluation] = await sidesOf(await fileWith([...numbers(0, 300), ...numbers(0, 50)]), 40);
    expect(new Set(evaluation).size).toBe(40);
    expect(train.filter((text) => evaluation.includes(text))).toEqual([]);
    expect(train.length + evaluation.length).toBe(350);
  });

  it("moves no example from training to evaluation when others are added", async () => {
    const [train] = await sidesOf(await fileWith(numbers(0, 300)), 40);
    const [, laterEvaluation] = await sidesOf(await fileWith(numbers(0, 3000)), 40);
    expect(laterEvaluation.filter((text) => train.includes(text))).toEqual([]);
  });

  it("can be aborted while it is looked for", async () => {
    const { evaluation } = dataOf({ seed: 42, data: { train: await fileWith(numbers(0, 5000)), eval: 3 } });
    let reads = 0;
    const reading = async (): Promise<void> => {
      const onRead = (): void => {
        if (++reads === 2) throw new CoxswainError("interrupted", "aborted");
      };
      for await (const record of readRecords(evaluation!, { onRead })) expect.fail(record.where);
    };
    await expectRejection(reading(), "interrupted", /aborted/);
  });

  it("of a large data set is found in little memory", async () => {
    const [train, evaluation] = await sidesOf(await fileWith(numbers(0, 20_000)), 3);
    expect([train.length, evaluation.length]).toEqual([19_997, 3]);
  });

  it.each([20, 21, 5000])("of %d out of 20 is refused", async (count) => {
    const reading = sidesOf(await fileWith(numbers(0, 20)), count);
    await expectRejection(reading, "config", /leaves nothing to train on: .* has 20 different examples/, /share/);
  });
});

describe("the content of an example", () => {
  const of = (json: string): number => contentNumber(parseJson(json));

  it("is that of the keys that formats read, in any order, without nulls", () => {
    const content = of('{"messages": [{"role": "user", "content": "a"}], "tools": null}');
    expect(of('{"id": 7, "messages": [{"content": "a", "role": "user", "name": null}]}')).toBe(content);
    expect(of('{"messages": [{"content": "b", "role": "user"}]}')).not.toBe(content);
    expect(of('{"messages": [{"content": "a", "role": "user"}], "tools": []}')).not.toBe(content);
  });

  it("is the same on every machine and in every release", () => {
    expect(of('{"text": "é\\u0000 1e400", "input_ids": [1, 2.50, 12345678901234567890]}')).toBe(contentOfReference);
  });
});

/** Python: int(hashlib.sha256('{"input_ids":[1,2.5,12345678901234567890],"text":"é\\u0000 1e400"}'.encode()).hexdigest()[:12], 16) */
const contentOfReference = 270471449932875;

describe("evaluation data of its own", () => {
  it("is compared with the training data, and its copies are counted", async () => {
    const train = await fileWith([chat("a", "b"), chat("c", "d")]);
    const evaluation = await fileWith([chat("x", "y"), { id: 1, ...chat("c", "d") }, chat("c", "d")]);
    const duplicates = new Duplicates();
    for await (const { value } of readRecords(train)) duplicates.train(contentNumber(value));
    for await (const { value, where } of readRecords(evaluation)) duplicates.evaluate(contentNumber(value), where);
    expect(duplicates.note()).toMatch(/^2 of 3 evaluation examples are also training examples \(first: \S+:2\)/);
    expect(new Duplicates().note()).toBeUndefined();
  });
});
