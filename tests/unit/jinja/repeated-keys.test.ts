/** Without this, a part of an example that has a key twice is lost, and nobody is told. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson, repeatedKeys } from "../../../src/jinja/index.js";

const of = (json: string): readonly string[] => repeatedKeys(json, parseJson(json));

describe("a key that an object has twice is found", () => {
  it.each([
    ['{"a": 1, "a": 2}', ["a"]],
    ['{"messages": [], "messages": []}', ["messages"]],
    ['{"m": [{"role": "x"}, {"role": "y", "role" : "z"}]}', ["m[1].role"]],
    ['[{"a": 1}, {"b": {"c": 1, "d": {}, "c": 2}}, {"a": 1, "a": 1, "a": 1}]', ["[1].b.c", "[2].a", "[2].a"]],
    ['{"a": 1, "\\u0061": 2}', ["a"]],
    ['{"a\\"b": ", \\"x\\": ", "a\\"b": 2}', ['a"b']],
    ['{"1": 1.5, "2": 2, "1": 3}', ["1"]],
    ['{"": 1, "": 2}', [""]],
    ['{"a" \t\r\n: 1,\n"a":2}', ["a"]],
    ['{"__proto__": 1, "__proto__": 2}', ["__proto__"]],
  ])("%s", (json, paths) => {
    expect(of(json)).toEqual(paths);
  });
});

describe("nothing is found where every key is once", () => {
  it.each([
    '{"a": "\\"a\\": 1", "b": "\\\\", "c": "a\\\\\\"", "d": {"a": [{"a": null}, {"a": 1.0}]}}',
    '{"10": 1, "2": {"10": 12345678901234567890}}',
    '["a:", ":", "\\":", {"__proto__": {"constructor": 1}}]',
    '"a"',
    "[]",
    '{"text": "role: user, \\"content\\" : x"}',
  ])("%s", (json) => {
    expect(of(json)).toEqual([]);
  });
});

it("tells any JSON from the same with a key repeated", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('"', "\\", '\\"', ": ", '"a": ', "1", "\u0000"));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(text, tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(value, text, fc.constantFrom(undefined, 1, "\t"), (inner, key, space) => {
      const once = JSON.stringify({ [key]: inner, other: [inner] }, null, space);
      expect(of(once)).toEqual([]);
      const twice = `${once.slice(0, -1)}, "other" : ${JSON.stringify(inner)}}`;
      expect(of(twice)).toEqual(["other"]);
    }),
  );
});
