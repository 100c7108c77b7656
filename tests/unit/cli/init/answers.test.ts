import { describe, expect, it } from "vitest";
import { answersTo, heldOut, questionsFor, type Question } from "../../../../src/cli/init/answers.js";

const questions = (...files: readonly string[]): readonly Question[] =>
  questionsFor({ exists: (path) => files.includes(path), name: "run" });

const nobody = { yes: false, ask: undefined };

describe("the answers for a new run file", () => {
  it("are what is there, with --yes", async () => {
    const found = questions("model/config.json", "data/train.jsonl", "data/eval.jsonl");
    expect(await answersTo(found, {}, { yes: true, ask: undefined })).toEqual({
      model: "./model",
      data: "data/train.jsonl",
      eval: "data/eval.jsonl",
      outputDir: "runs/my-run",
    });
  });

  it("hold a share out where there is no evaluation data", async () => {
    const answers = await answersTo(questions(), { model: "m", data: "d" }, { yes: true, ask: undefined });
    expect(answers.eval).toBe("0.05");
  });

  it("name the flags of all that is missing, and ask nobody", async () => {
    await expect(answersTo(questions("train.jsonl"), { model: "m" }, nobody)).rejects.toThrow(
      "stdin is not a terminal, and there is no --data, --eval, --output-dir",
    );
    await expect(answersTo(questions(), {}, { yes: true, ask: undefined })).rejects.toThrow(
      "no default for --model, --data",
    );
  });

  it("are asked for only where no flag gives them", async () => {
    const asked: string[] = [];
    const ask = (question: Question): Promise<string> => {
      asked.push(question.flag);
      return Promise.resolve("x");
    };
    const answers = await answersTo(questions(), { model: "m", data: "d" }, { yes: false, ask });
    expect(asked).toEqual(["--eval", "--output-dir"]);
    expect(answers).toEqual({ model: "m", data: "d", eval: "x", outputDir: "x" });
  });
});

describe("what is held out by default", () => {
  it.each([
    [10_000, "0.05"],
    [200, "0.05"],
    [199, "20"],
    [8, "1"],
    [2, "1"],
    [1, "null"],
  ])("of %i examples: data.eval: %s", (examples, expected) => {
    expect(heldOut("0.05", examples, false)).toBe(expected);
  });

  it("is what the user chose, if they chose", () => {
    expect(heldOut("0.05", 8, true)).toBe("0.05");
    expect(heldOut("eval.jsonl", 8, false)).toBe("eval.jsonl");
  });
});
