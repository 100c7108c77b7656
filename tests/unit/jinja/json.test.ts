/** Without this, a tool call is learnt with other numbers, or with its arguments in another order, than in the file. */
import { describe, expect, it } from "vitest";
import { PyFloat, parseJson, plainNumber, toTemplateValue } from "../../../src/jinja/index.js";
import { render } from "./support.js";

/** What Python prints for json.loads(json), and json.dumps of it (3.11). */
const numbers = [
  ["21.0", "21.0", "21.0"],
  ["21", "21", "21"],
  ["12345678901234567890", "12345678901234567890", "12345678901234567890"],
  ["-9007199254740993", "-9007199254740993", "-9007199254740993"],
  ["1e400", "inf", "Infinity"],
  ["-1e400", "-inf", "-Infinity"],
  ["1e16", "1e+16", "1e+16"],
  ["1e15", "1000000000000000.0", "1000000000000000.0"],
  ["1E5", "100000.0", "100000.0"],
  ["0.00001", "1e-05", "1e-05"],
  ["0.0001", "0.0001", "0.0001"],
  ["-0.0", "-0.0", "-0.0"],
  ["-0", "0", "0"],
  ["1.50", "1.5", "1.5"],
  ["5e-324", "5e-324", "5e-324"],
  ["0.1", "0.1", "0.1"],
] as const;

describe("templates see numbers as Python reads them", () => {
  it.each(numbers)("%s is printed as %s", (json, printed, dumped) => {
    expect(render("{{ x }}|{{ x | tojson }}|{{ y }}", { x: json, y: `{"a": [${json}]}` })).toBe(
      `${printed}|${dumped}|{'a': [${printed}]}`,
    );
  });
});

describe("templates see keys in the file's order", () => {
  it.each([
    ['{"10": 1, "2": 2, "a": 3, "0": 4}', '{"10": 1, "2": 2, "a": 3, "0": 4}'],
    ['{"b": {"9": 1.0, "1": [{"3": 1, "2": 1}]}}', '{"b": {"9": 1.0, "1": [{"3": 1, "2": 1}]}}'],
    ['{"\\u0032": 1, "1": 2}', '{"2": 1, "1": 2}'],
    ['{"01": 1, "1": 2, "-1": 3}', '{"01": 1, "1": 2, "-1": 3}'],
    ['{"__proto__": {"a": 1}, "constructor": 2, "1": 3}', '{"__proto__": {"a": 1}, "constructor": 2, "1": 3}'],
    ['{"\\u0000": 1, "\\u00001": 2, "1": 3}', '{"\\u0000": 1, "\\u00001": 2, "1": 3}'],
    ['{"a": 1, "2": 2, "a": 3}', '{"a": 3, "2": 2}'],
  ])("%s", (json, expected) => {
    expect(render("{{ x | tojson }}", { x: json })).toBe(expected);
  });

  it("also after an object is copied", () => {
    const parsed = parseJson('{"role": "tool", "10": 1, "2": 1.0}') as Record<string, unknown>;
    const { role, ...rest } = parsed;
    expect([...(toTemplateValue({ role, ...rest }) as unknown as { keys(): Iterable<string> }).keys()]).toEqual([
      "role",
      "10",
      "2",
    ]);
  });
});

describe("JSON that Python and JavaScript read alike", () => {
  it.each(['{"a": "21.0, \\"10\\": 1", "b": [true, null, -3]}', '"x: 1.5"', "[]", ' {"a" : { } } '])(
    "%s stays unchanged",
    (json) => {
      expect(parseJson(json)).toEqual(JSON.parse(json));
    },
  );

  it.each(['{"a": 1.0', "[1.0,]", "1.", "01", "{'a': 1}", "nan"])("%s is rejected", (json) => {
    expect(() => parseJson(json)).toThrow(SyntaxError);
  });

  it("gives plain numbers on request", () => {
    expect((parseJson("[21.0, 12345678901234567890, 3]") as unknown[]).map(plainNumber)).toEqual([
      21, 12345678901234567000, 3,
    ]);
    expect(parseJson("21.0")).toBeInstanceOf(PyFloat);
  });
});
