import { describe, expect, it } from "vitest";
import { evaluationJson, evaluationText } from "../../../src/cli/eval/report.js";
import type { Evaluation } from "../../../src/library/index.js";

const answers = [
  { where: "e.jsonl:1", question: "light\non", expected: "on", answer: "on", matched: true, finish: "stop" },
  { where: "e.jsonl:2", question: "off", expected: "off", answer: "offoff", matched: false, finish: "length" },
  { where: "e.jsonl:3", question: "long", expected: "x", answer: "", matched: false, finish: "too_long" },
] as const;

const measured: Evaluation = {
  model: "tiny",
  adapter: null,
  device: "cpu (no GPU)",
  quantization: null,
  loss: 0.5,
  perplexity: Math.exp(0.5),
  tokens: 12,
  rows: 3,
  exactMatch: { answers, matched: 1 },
  seconds: 1.234,
};

describe("what eval prints for people", () => {
  it("contains every figure, and says that the base model was measured", () => {
    expect(evaluationText(measured, 0, {})).toBe(
      `model        tiny
adapter      none (base model)
device       cpu (no GPU)
examples     3
tokens       12 supervised
loss         0.5000
perplexity   1.6487
exact match  33.3 % (1 of 3)
seconds      1.2
`,
    );
  });

  it("shows answers side by side, and which were truncated or skipped", () => {
    const text = evaluationText({ ...measured, adapter: "runs/a/adapter" }, 3, {});
    expect(text).toContain(
      `e.jsonl:1  matched
  asked     light
            on
  expected  on
  answer    on

e.jsonl:2  not matched
  asked     off
  expected  off
  answer    offoff (cut off)
`,
    );
    expect(text).toContain("answer    (too long to ask)\n");
    expect(text).toContain("adapter      runs/a/adapter\n");
  });
});

describe("what eval prints for programs", () => {
  it("is one object with unrounded figures", () => {
    expect(evaluationJson(measured, 1)).toEqual({
      model: "tiny",
      adapter: null,
      device: "cpu (no GPU)",
      quantization: null,
      examples: 3,
      tokens: 12,
      loss: 0.5,
      perplexity: Math.exp(0.5),
      seconds: 1.234,
      exact_match: 1 / 3,
      exact_matches: 1,
      answers_total: 3,
      answers: [answers[0]],
    });
  });

  it("has no exact match unless requested", () => {
    expect(evaluationJson({ ...measured, exactMatch: null }, 0)).not.toHaveProperty("exact_match");
  });
});
