/** Without this, a template writes another date than in transformers. */
import { describe, expect, it } from "vitest";
import { strftime } from "../../../src/data/strftime.js";
import { inRepository, readJson } from "./support.js";

interface Case {
  /** Year, month from 0, day, hour, minute, second, millisecond. */
  readonly date: readonly [number, number, number, number, number, number, number];
  readonly format: string;
  /** Python's, by tests/peers/make-strftime.py. */
  readonly text: string;
}

const cases = readJson(inRepository("tests/golden/text/strftime.json")) as readonly Case[];

describe("strftime", () => {
  it("equals Python's for every directive and flag, also around New Year", () => {
    expect(cases.length).toBe(80);
    for (const { date, format, text } of cases) expect(strftime(new Date(...date), format), format).toBe(text);
  });

  it("names a directive that it does not know", () => {
    const date = new Date(2026, 2, 5);
    expect(() => strftime(date, "%d %Q")).toThrow(/"%Q" is not supported/);
    expect(() => strftime(date, "%-c")).toThrow(/"%-c" is not supported/);
    expect(() => strftime(date, "100%")).toThrow(/"%" is not supported/);
  });
});
