import { describe, expect, it } from "vitest";
import { withNumber } from "../../../src/config/index.js";

const key = ["training", "learning_rate"] as const;
const edited = (text: string): string => withNumber(text, key, 1.9e-3, "run.yaml");

describe("a number that is set in a run file changes nothing else", () => {
  it.each([
    ["in a section", "a: 1 # one\ntraining:\n    # why\n    learning_rate:   3.0e-3   # mine\n    seed: 1\n"],
    ["in braces", "training: { learning_rate: 3.0e-3, max_steps: 5 } # short\n"],
    ["with CRLF", "training:\r\n  learning_rate: 3.0e-3 # x\r\n"],
    ["in quotes", "'training':\n  \"learning_rate\": 3.0e-3\n"],
    ["after a byte order mark", "\uFEFFtraining:\n  learning_rate: 3.0e-3\n"],
    ["without a final line break", "training:\n  learning_rate: 3.0e-3"],
  ])("%s", (_, text) => {
    expect(edited(text)).toBe(text.replace("3.0e-3", "1.9e-3"));
  });

  it.each([
    [
      "before the other keys",
      "training:\n  # five\n  max_steps: 5\nseed: 1\n",
      "training:\n  # five\n  learning_rate: 1.9e-3\n  max_steps: 5\nseed: 1\n",
    ],
    ["in braces", "training: {max_steps: 5}\n", "training: {learning_rate: 1.9e-3, max_steps: 5}\n"],
    ["in empty braces", "training: {}\n", "training: { learning_rate: 1.9e-3 }\n"],
    ["in a section of its own", "seed: 1", "seed: 1\n\ntraining:\n  learning_rate: 1.9e-3\n"],
  ])("a missing one is added %s", (_, text, expected) => {
    expect(edited(text)).toBe(expected);
  });

  it("has a decimal point, which YAML 1.1 needs", () => {
    expect(withNumber("training:\n  learning_rate: 1\n", key, 2e-3, "run.yaml")).toContain("learning_rate: 2.0e-3\n");
  });

  it.each([
    ["an alias", "x: &rate 1e-3\ntraining:\n  learning_rate: *rate\n"],
    ["an anchor that others use", "training:\n  learning_rate: &rate 1e-3\n  weight_decay: *rate\n"],
    ["a shared section", "x: &t\n  learning_rate: 1e-3\ntraining: *t\n"],
    ["an empty section", "training:\nseed: 1\n"],
  ])("is refused for %s", (_, text) => {
    expect(() => edited(text)).toThrow(/run\.yaml: training\.learning_rate cannot be set without changing other lines/);
  });
});
