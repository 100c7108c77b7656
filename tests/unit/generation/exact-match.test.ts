import { describe, expect, it } from "vitest";
import { exactMatch } from "../../../src/generation/exact-match.js";
import type { Question } from "../../../src/generation/questions.js";
import { ToyModel } from "./toy-model.js";

const words = ["<end>", " ", "a", "b", "c", "d", "\n"];
/** Token 0 is special. */
const tokenizer = {
  decode: (ids: ArrayLike<number>, options: { readonly skipSpecialTokens?: boolean } = {}) =>
    Promise.resolve(
      Array.from(ids, (id) => (id === 0 && options.skipSpecialTokens === true ? "" : words[id])).join(""),
    ),
};

/** After 2: "b c \n" and the end; after 5: " b" and no end. */
const follow = new Map([
  ["2", 3],
  ["3", 4],
  ["4", 1],
  ["1", 6],
  ["6", 0],
]);
const model = (): ToyModel =>
  new ToyModel({
    vocabulary: words.length,
    next: (history) => (history.includes(5) ? 3 : (follow.get(String(history.at(-1))) ?? 0)),
  });

const question = (where: string, prompt: number[], answer: number[]): Question => ({
  where,
  text: `asked ${where}`,
  prompt: Int32Array.from(prompt),
  answer: Int32Array.from(answer),
});

const options = { maxNewTokens: 6, stopIds: [0] };

describe("exact match", () => {
  it("compares texts without special tokens and trailing whitespace", async () => {
    const questions = [
      question("x:1", [2], [3, 4, 0, 6]),
      question("x:2", [2], [1, 3, 4]),
      question("x:3", [2], [3, 5]),
    ];
    const { answers, matched } = await exactMatch(model(), tokenizer, questions, options);
    expect(answers).toEqual([
      { where: "x:1", question: "asked x:1", expected: "bc", answer: "bc", matched: true, finish: "stop" },
      // A space at the start is part of the answer.
      { where: "x:2", question: "asked x:2", expected: " bc", answer: "bc", matched: false, finish: "stop" },
      { where: "x:3", question: "asked x:3", expected: "bd", answer: "bc", matched: false, finish: "stop" },
    ]);
    expect(matched).toBe(1);
  });

  it("matches answers to their questions in any order of computation", async () => {
    const questions = [
      question("x:1", [5, 5, 5], [3, 3, 3, 3, 3, 3]),
      question("x:2", [2], [3, 4]),
      question("x:3", [4, 2], [3, 4]),
    ];
    for (const batchSize of [1, 2, 3]) {
      const { answers } = await exactMatch(model(), tokenizer, questions, { ...options, batchSize });
      expect(answers.map(({ where, answer, finish }) => [where, answer, finish])).toEqual([
        ["x:1", "bbbbbb", "length"],
        ["x:2", "bc", "stop"],
        ["x:3", "bc", "stop"],
      ]);
    }
  });

  it("counts a question that exceeds the context as wrong", async () => {
    const questions = [question("x:1", [2, 2, 2, 2, 2, 2], [3]), question("x:2", [2], [3, 4])];
    const { answers, matched } = await exactMatch(model(), tokenizer, questions, { ...options, contextLength: 6 });
    expect(answers.map(({ finish, matched: right }) => [finish, right])).toEqual([
      ["too_long", false],
      ["stop", true],
    ]);
    expect(matched).toBe(1);
  });
});
