/** Scripts, `serve` and local workers decide by the kind of an error whether to try again. */
import { describe, expect, it } from "vitest";
import { CoxswainError, errorCodeOf, isPermanent, isPermanentHere } from "../../src/errors.js";
import type { ErrorCode } from "../../src/errors.js";

describe("another attempt at the same run", () => {
  it.each<[ErrorCode, "nowhere" | "elsewhere" | "here"]>([
    ["usage", "nowhere"],
    ["config", "nowhere"],
    ["data", "nowhere"],
    ["model", "nowhere"],
    // The same bits would diverge again.
    ["diverged", "nowhere"],
    // Another machine may have room on its disk.
    ["storage", "elsewhere"],
    ["machine", "here"],
    ["network", "here"],
    ["cluster", "here"],
    ["interrupted", "here"],
    ["bug", "here"],
  ])("after an error of kind %s may succeed %s", (code, where) => {
    expect(isPermanent(code)).toBe(where === "nowhere");
    expect(isPermanentHere(code)).toBe(where !== "here");
  });
});

it.each<[number, ErrorCode | undefined]>([
  [1, "bug"],
  [2, "config"],
  [3, "data"],
  [4, "model"],
  [5, "cluster"],
  [6, "storage"],
  [7, "machine"],
  [8, "diverged"],
  [130, "interrupted"],
  [0, undefined],
  [137, undefined],
])("exit code %i stands for %s", (exitCode, code) => {
  expect(errorCodeOf(exitCode)).toBe(code);
  if (code !== undefined) expect(new CoxswainError(code, "m").exitCode).toBe(exitCode);
});
